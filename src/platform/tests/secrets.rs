//! Values that may be secrets are in no error.

use serde_json::{Value, json};

use super::super::{Platform, Sources};
use super::{config, platform};

const CANARY: &str = "canary-7d1c8a52";

fn assert_silent(error: &dyn std::fmt::Display, about: &Value) {
    let message = error.to_string();
    assert!(
        !message.contains(CANARY) && !message.contains("725152"),
        "{about}: {message}"
    );
}

#[test]
fn an_error_quotes_no_value_of_env_secrets_command_args_and_unknown_fields() {
    for fields in [
        json!({"Env": CANARY}),
        json!({"Env": {"PASSWORD": 725_152}}),
        json!({"Env": {"PASSWORD": {"value": CANARY}}}),
        json!({"Env": {"PASSWORD": format!("{CANARY}\0")}}),
        json!({"Env": {"PASSWORD": format!("$(PASSWORD){CANARY}")}}),
        json!({"Secrets": CANARY}),
        json!({"Secrets": [CANARY]}),
        json!({"Secrets": [{"group": {"a": CANARY}, "key": "k"}]}),
        json!({"Command": CANARY}),
        json!({"Command": ["serve", 725_152]}),
        json!({"Args": {"password": CANARY}}),
        json!({"Args": [[CANARY]]}),
        json!({"Password": CANARY}),
        json!({"Enviroment": {"PASSWORD": CANARY}}),
        json!({"Sidecars": [{"name": "a", "image": "b", "password": CANARY}]}),
        // Where a number is expected, a dictionary may be somebody's variables.
        json!({"Port": {"PASSWORD": CANARY}}),
        json!({"Replicas": [CANARY]}),
        json!({"Requests": {"cpu": {"PASSWORD": CANARY}}}),
        json!({"Lifetime": {"ttl": [CANARY]}}),
    ] {
        let error = Platform::default().resolve(&config(&fields)).expect_err("refused");
        assert_silent(&error, &fields);
    }
}

#[test]
fn an_error_of_the_settings_quotes_none_either() {
    for settings in [
        json!({"defaults": {"Env": CANARY}}),
        json!({"defaults": {"Env": {"PASSWORD": 725_152}}}),
        json!({"forced": {"EnvFrom": CANARY}}),
        json!({"forced": {"Env": {"PASSWORD": [CANARY]}}}),
        json!({"defaults": {"Sidecars": CANARY}}),
        json!({"password": CANARY}),
        json!({"limits": {"replicas": {"password": CANARY}}}),
    ] {
        let error = Platform::parse(&settings, Sources::default()).expect_err("refused");
        assert_silent(&error, &settings);
    }
}

#[test]
fn a_forced_value_that_may_be_a_secret_is_not_quoted() {
    for (forced, given) in [
        (json!({"Env": {"PASSWORD": CANARY}}), json!({"Env": {"PASSWORD": "x"}})),
        (json!({"Env": {"PASSWORD": "x"}}), json!({"Env": {"PASSWORD": CANARY}})),
        (
            json!({"PodSecurityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}),
            json!({"PodSecurityContext": {"seccompProfile": {"type": CANARY}}}),
        ),
    ] {
        let Err(error) = platform(&json!({"forced": forced})).resolve(&config(&given)) else {
            panic!("{given} is refused");
        };
        assert!(error.to_string().contains("differs from the value"), "{error}");
        assert_silent(&error, &given);
    }
}
