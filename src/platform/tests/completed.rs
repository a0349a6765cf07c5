//! Default values and forced values.

use serde_json::{Value, json};

use super::super::Platform;
use super::{config, platform};
use crate::config::{DataServiceSpec, Target};
use crate::resources::flyte::GPU;

fn completed(settings: &Value, fields: &Value) -> Value {
    platform(settings).complete(&config(fields)).expect("complete")
}

fn resolved(platform: &Platform, fields: &Value) -> DataServiceSpec {
    match platform.resolve(&config(fields)).expect("resolved").target {
        Target::New(spec) => spec,
        Target::Existing(name) => panic!("{name} exists already"),
    }
}

#[test]
fn a_default_fills_what_the_user_left_out() {
    let toleration = |key: &str| json!({"key": key, "operator": "Exists"});
    for (default, given, expected) in [
        (
            json!({"ServiceAccount": "a"}),
            json!({}),
            json!({"ServiceAccount": "a"}),
        ),
        (
            json!({"ServiceAccount": "a"}),
            json!({"ServiceAccount": null}),
            json!({"ServiceAccount": "a"}),
        ),
        (
            json!({"ServiceAccount": "a"}),
            json!({"ServiceAccount": "b"}),
            json!({"ServiceAccount": "b"}),
        ),
        (
            json!({"Labels": {"a": "1", "b": "1"}}),
            json!({"Labels": {"b": "2", "c": "2"}}),
            json!({"Labels": {"a": "1", "b": "2", "c": "2"}}),
        ),
        (
            // An entry is one value: parts of two sources would be neither.
            json!({"Env": {"A": {"secretKeyRef": {"name": "s", "key": "k"}}}}),
            json!({"Env": {"A": {"fieldRef": {"fieldPath": "f"}}}}),
            json!({"Env": {"A": {"fieldRef": {"fieldPath": "f"}}}}),
        ),
        (
            json!({"Tolerations": [toleration("a"), toleration("b")]}),
            json!({"Tolerations": [toleration("c"), toleration("a")]}),
            json!({"Tolerations": [toleration("c"), toleration("a"), toleration("b")]}),
        ),
        (
            json!({"Tolerations": [{"key": "a", "tolerationSeconds": 5}]}),
            json!({"Tolerations": [{"key": "a", "tolerationSeconds": 5.0}]}),
            json!({"Tolerations": [{"key": "a", "tolerationSeconds": 5.0}]}),
        ),
        (
            json!({"ImagePullSecrets": ["a"]}),
            json!({"ImagePullSecrets": ["b"]}),
            json!({"ImagePullSecrets": ["b", "a"]}),
        ),
        (
            json!({"TopologySpreadConstraints": [{"topologyKey": "zone"}]}),
            json!({"TopologySpreadConstraints": []}),
            json!({"TopologySpreadConstraints": []}),
        ),
    ] {
        assert_eq!(
            completed(&json!({"defaults": default}), &given),
            config(&expected),
            "{given}"
        );
    }
}

#[test]
fn a_pod_template_lies_over_the_default_one() {
    let default = json!({"PodTemplate": {"spec": {
        "nodeSelector": {"disk": "fast"}, "containers": [{"name": "primary", "tty": true}],
    }}});
    let given = json!({"PodTemplate": {"primaryContainerName": "main", "spec": {
        "priorityClassName": "high", "containers": [{"name": "main", "stdin": true}, {"name": "side"}],
    }}});
    let completed = completed(&json!({"defaults": default}), &given);
    assert_eq!(
        completed["PodTemplate"],
        json!({"primaryContainerName": "main", "spec": {
            "nodeSelector": {"disk": "fast"}, "priorityClassName": "high",
            "containers": [{"name": "main", "tty": true, "stdin": true}, {"name": "side"}],
        }})
    );
}

#[test]
fn forced_values_are_added_and_may_be_repeated() {
    let forced = json!({"forced": {
        "ServiceAccount": "s", "Labels": {"a": "1"}, "ImagePullSecrets": ["p"], "TerminationGracePeriodSeconds": 5,
    }});
    let given = json!({
        "ServiceAccount": "s", "Labels": {"a": "1", "b": "2"}, "ImagePullSecrets": ["q"],
        "TerminationGracePeriodSeconds": 5.0,
    });
    let mut expected = config(&given);
    expected["ImagePullSecrets"] = json!(["q", "p"]);
    assert_eq!(completed(&forced, &given), expected);
    assert_eq!(completed(&forced, &json!({})), config(&forced["forced"]));
}

#[test]
fn forced_values_win_over_defaults() {
    let settings = json!({"defaults": {"Labels": {"a": "1", "b": "1"}}, "forced": {"Labels": {"a": "2"}}});
    assert_eq!(
        completed(&settings, &json!({})),
        config(&json!({"Labels": {"a": "2", "b": "1"}}))
    );
}

#[test]
fn a_contradiction_is_refused_with_who_forces_what() {
    for (forced, given, words) in [
        (
            json!({"ServiceAccount": "s"}),
            json!({"ServiceAccount": "mine"}),
            "ServiceAccount is \"mine\", but the platform's settings force it to \"s\": /etc/settings.yaml, line 12. \
             Leave it out.",
        ),
        (
            json!({"Labels": {"cost-centre": "42"}}),
            json!({"Labels": {"cost-centre": "43"}}),
            "Labels.cost-centre is \"43\", but the platform's settings force it to \"42\": /etc/settings.yaml, line 3. \
             Leave it out.",
        ),
        (
            json!({"Env": {"TOKEN": "secret"}}),
            json!({"Env": {"TOKEN": "canary"}}),
            "Env.TOKEN differs from the value that the platform's settings force: /etc/settings.yaml, line 3. \
             Leave it out.",
        ),
        (
            json!({"Limits": {"gpu": 0}}),
            json!({"Limits": {"gpu": 1}}),
            "Limits.gpu is 1, but the platform's settings force it to 0: /etc/settings.yaml, line 3. Leave it out.",
        ),
        (
            json!({"Limits": {"cpu": 2}}),
            json!({"Requests": {"cpu": 4}}),
            "Requests.cpu is 4, more than Limits.cpu, which the platform's settings force to 2: \
             /etc/settings.yaml, line 3.",
        ),
        (
            json!({"Requests": {"mem": "2Gi"}}),
            json!({"Limits": {"mem": "1Gi"}}),
            "Limits.mem is 1Gi, less than Requests.mem, which the platform's settings force to 2Gi: \
             /etc/settings.yaml, line 3.",
        ),
    ] {
        let error = platform(&json!({"forced": forced})).complete(&config(&given));
        assert_eq!(error.expect_err(words).to_string(), words);
    }
}

#[test]
fn amounts_that_are_only_defaults_give_way() {
    for (settings, given, requests, limits) in [
        // Nothing is set: the plugin's own defaults, and over them the platform's.
        (
            json!({"defaults": {"Requests": {"cpu": "1", "mem": "2Gi"}}}),
            json!({}),
            json!({"cpu": "1", "mem": "2Gi"}),
            json!({"cpu": "6", "mem": "16G"}),
        ),
        (
            json!({"defaults": {"Requests": {"cpu": "8", "mem": "0"}}}),
            json!({}),
            json!({"cpu": "8"}),
            json!({"cpu": "8", "mem": "16G"}),
        ),
        // The user's words are completed, and the platform's give way to them.
        (
            json!({"defaults": {"Requests": {"cpu": "1", "mem": "2Gi"}}}),
            json!({"Requests": {"cpu": "500m"}, "Limits": {"mem": "1Gi"}}),
            json!({"cpu": "500m", "mem": "1Gi"}),
            json!({"mem": "1Gi"}),
        ),
        (
            json!({"defaults": {"Limits": {"cpu": "1"}}}),
            json!({"Requests": {"cpu": "2"}}),
            json!({"cpu": "2"}),
            json!({"cpu": "2", "mem": "16G"}),
        ),
        // Of GPUs there are as many requested as limited.
        (
            json!({"defaults": {"Limits": {"gpu": 2}}}),
            json!({"Requests": {"gpu": 1, "cpu": "1"}}),
            json!({"gpu": "1", "cpu": "1"}),
            json!({"gpu": "1", "cpu": "6", "mem": "16G"}),
        ),
        // A forced value replaces every default.
        (
            json!({"forced": {"Limits": {"cpu": "1"}}}),
            json!({}),
            json!({"cpu": "1", "mem": "10G"}),
            json!({"cpu": "1", "mem": "16G"}),
        ),
        // Nobody is refused for a default.
        (
            json!({"limits": {"perPod": {"cpu": 4, "mem": "8Gi"}}}),
            json!({}),
            json!({"cpu": "2", "mem": "8Gi"}),
            json!({"cpu": "4", "mem": "8Gi"}),
        ),
    ] {
        let completed = completed(&settings, &given);
        assert_eq!(
            (&completed["Requests"], &completed["Limits"]),
            (&requests, &limits),
            "{settings}"
        );
        // It is what is made of it in the end.
        Target::parse(&completed).expect("valid");
    }
}

#[test]
fn an_existing_service_is_left_as_it_is() {
    let platform = platform(&json!({"forced": {"ServiceAccount": "s"}, "defaults": {"Limits": {"cpu": 1}}}));
    let config = json!({"ExistingReleaseName": "foo", "ServiceAccount": "mine"});
    assert_eq!(platform.complete(&config).expect("complete"), config);
}

#[test]
fn settings_that_change_change_no_hash() {
    let fields = json!({"Requests": {"cpu": "1"}});
    let own = resolved(&Platform::default(), &fields);
    let settings = json!({
        "defaults": {"Requests": {"mem": "1Gi"}, "PodTemplate": {"spec": {"nodeSelector": {"a": "b"}}}},
        "minReadySeconds": 7, "gpu": {"resourceName": "amd.com/gpu"},
    });
    let made = resolved(&platform(&settings), &fields);
    assert_eq!(made.hash(), own.hash());
    assert_ne!(made.requests, own.requests);
    assert_eq!(made.min_ready_seconds, 7);
}

#[test]
fn a_gpu_has_the_platforms_name() {
    let fields = json!({"Requests": {"gpu": 2}});
    let spec = resolved(&platform(&json!({"gpu": {"resourceName": "amd.com/gpu"}})), &fields);
    assert_eq!(spec.requests["amd.com/gpu"].0, "2");
    assert_eq!(spec.limits["amd.com/gpu"].0, "2");
    assert!(!spec.limits.contains_key(GPU));
    assert_eq!(spec.gpu.resource_name, "amd.com/gpu");
}

#[test]
fn the_users_own_mistakes_come_first() {
    let platform = platform(&json!({"forced": {"Requests": {"cpu": "1"}}}));
    let error = platform.resolve(&json!({"Requests": {"cpu": "2"}}));
    let message = error.expect_err("no image").to_string();
    assert!(message.starts_with("Image is missing"), "{message}");
}
