//! The scenarios, by what they are about.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use k8sdataservice::error::Error;

use crate::actor::Call;
use crate::lifetimes::{deep_lifetimes, lifetimes, sleepers};
use crate::scenario::Scenario;
use crate::states::{
    abandoned_alphas, alphas, failed_alphas, foreign, kept_alphas, leftover, of_a_node, of_a_node_by_2_0, predecessors,
};

pub const ALPHA: Call = Call::Create("alpha", "one:1");
pub const BETA: Call = Call::Create("beta", "one:1");
pub const BETA_OTHERWISE: Call = Call::Create("beta", "two:2");

/// Creators of one name.
pub fn creators() -> Vec<Scenario> {
    vec![
        Scenario::new("two creators of one owner", &[ALPHA, ALPHA]).faults(2),
        Scenario::new("two creators of two owners with one specification", &[ALPHA, BETA])
            .faults(2)
            .slowly(),
        Scenario::new(
            "two creators of two owners with two specifications",
            &[ALPHA, BETA_OTHERWISE],
        )
        .allows(is_conflict)
        .faults(2),
        Scenario::new("three creators", &[ALPHA, BETA, ALPHA]).waits(0),
        Scenario::new("two creators with stale reads", &[ALPHA, BETA])
            .lag(2)
            .faults(2),
        Scenario::new("two creators after a leftover", &[ALPHA, BETA])
            .before(leftover)
            .waits(0),
    ]
}

/// Creators beside those who delete.
pub fn creators_and_deleters() -> Vec<Scenario> {
    vec![
        Scenario::new("create and abort", &[ALPHA, Call::Abort("alpha")]),
        Scenario::new("create and abort of another", &[ALPHA, Call::Abort("beta")]),
        Scenario::new("create and sensor", &[ALPHA, Call::Clean]),
        Scenario::new("create and sensor where another's is", &[BETA, Call::Clean])
            .before(alphas)
            .waits(0),
        Scenario::new("create and abort where another's is", &[BETA, Call::Abort("alpha")])
            .before(alphas)
            .waits(0),
        Scenario::new(
            "create otherwise and abort where another's is",
            &[BETA_OTHERWISE, Call::Abort("alpha")],
        )
        .before(alphas)
        .allows(is_conflict),
        Scenario::new("create again and abort", &[ALPHA, Call::Abort("alpha")])
            .before(alphas)
            .waits(0),
        Scenario::new("create and sensor after the predecessor", &[ALPHA, Call::Clean])
            .before(predecessors)
            .allows(is_conflict),
    ]
}

/// Three at once.
pub fn three() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "two creators of two owners and an abort of the one",
            &[ALPHA, BETA, Call::Abort("alpha")],
        )
        .faults(0)
        .waits(0),
    ]
}

/// Those who delete, and processes that die.
pub fn deleters_and_the_dead() -> Vec<Scenario> {
    vec![
        Scenario::new("abort and sensor", &[Call::Abort("alpha"), Call::Clean])
            .before(alphas)
            .waits(0),
        Scenario::new("two sensors", &[Call::Clean, Call::Clean])
            .before(alphas)
            .waits(0),
        Scenario::new("a connector that died and its successor", &[ALPHA])
            .faults(3)
            .slowly(),
        Scenario::new("an interrupted create and its abort", &[ALPHA])
            .faults(3)
            .slowly()
            .succeeded_by(|_| Call::Abort("alpha")),
        Scenario::new("an interrupted create, its abort and another's create", &[ALPHA, BETA])
            .succeeded_by(|call| if call == ALPHA { Call::Abort("alpha") } else { call }),
        Scenario::new("an abort that died and its successor", &[Call::Abort("alpha")])
            .before(alphas)
            .faults(2)
            .slowly(),
        Scenario::new("create while a finalizer holds", &[ALPHA, Call::Clean])
            .before(|server| {
                server.finalized.insert("StatefulSet".to_owned());
                alphas(server);
            })
            .faults(0)
            .allows(|_, error| matches!(error, Error::Unavailable { .. })),
    ]
}

/// What somebody else has.
pub fn others() -> Vec<Scenario> {
    vec![
        Scenario::new("create where another's Service is", &[ALPHA])
            .before(foreign::<Service>)
            .slowly()
            .allows(is_conflict),
        Scenario::new("two creators where another's Service is", &[ALPHA, BETA])
            .before(foreign::<Service>)
            .allows(is_conflict),
        Scenario::new(
            "create and sensor where another's StatefulSet is",
            &[ALPHA, Call::Clean],
        )
        .before(foreign::<StatefulSet>)
        .allows(|call, error| is_conflict(call, error) || matches!(error, Error::NotOwned { .. })),
    ]
}

/// Those who look.
pub fn observers() -> Vec<Scenario> {
    vec![
        Scenario::new("attach and sensor", &[Call::Attach, Call::Clean]).before(alphas),
        Scenario::new("attach and create", &[Call::Attach, ALPHA]).faults(1),
        Scenario::new("poll and abort", &[Call::Poll("uid-1"), Call::Abort("alpha")]).before(alphas),
    ]
}

/// What takes minutes.
pub fn deep() -> Vec<Scenario> {
    [
        deep_three(),
        deep_updates(),
        deep_retractions(),
        deep_verdicts(),
        deep_lifetimes(),
    ]
    .concat()
}

fn deep_three() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "two creators of two owners and an abort of the other",
            &[ALPHA, BETA, Call::Abort("beta")],
        )
        .faults(0)
        .waits(0),
        Scenario::new("two creators of one owner and a sensor", &[ALPHA, ALPHA, Call::Clean])
            .faults(0)
            .waits(0),
        Scenario::new("two creators of two owners and a sensor", &[ALPHA, BETA, Call::Clean])
            .faults(0)
            .waits(0),
    ]
}

fn deep_verdicts() -> Vec<Scenario> {
    let poll = Call::Conclude("alpha", "uid-1", false);
    vec![
        Scenario::new("a poll and the next attempt", &[poll, ALPHA])
            .before(failed_alphas)
            .waits(0),
        Scenario::new("two polls of a service that has failed, with a fault", &[poll, poll])
            .before(failed_alphas)
            .waits(0),
        Scenario::new("a poll and an abort, with a fault", &[poll, Call::Abort("alpha")])
            .before(failed_alphas)
            .waits(0),
        Scenario::new("two creates that are repeated", &[ALPHA, BETA])
            .retracts()
            .waits(0),
    ]
}

fn deep_retractions() -> Vec<Scenario> {
    let given_up = |name, calls: &[Call]| {
        Scenario::new(name, calls)
            .retracts()
            .succeeded_by(|_| Call::GiveUp)
            .waits(0)
    };
    vec![
        Scenario::new("two creates that adopt an abandoned service", &[ALPHA, BETA])
            .before(abandoned_alphas)
            .retracts()
            .waits(0),
        given_up("two that are given up and the same one", &[ALPHA, ALPHA]).faults(2),
        given_up("two that are given up and another's", &[ALPHA, BETA]).faults(2),
        given_up(
            "one that is given up, another's, and an abort",
            &[ALPHA, BETA, Call::Abort("alpha")],
        ),
    ]
}

fn deep_updates() -> Vec<Scenario> {
    let update = Call::Update("alpha", "two:2", false);
    let otherwise = Call::Update("alpha", "three:3", false);
    let back = Call::Update("alpha", "one:1", false);
    let adopt = Call::Update("beta", "two:2", true);
    vec![
        Scenario::new("two updates", &[update, otherwise])
            .before(alphas)
            .allows(is_unavailable)
            .faults(0)
            .waits(0),
        Scenario::new("two updates, one of them back", &[update, back])
            .before(alphas)
            .allows(is_unavailable)
            .faults(0)
            .waits(0),
        Scenario::new("adopt and update", &[adopt, update])
            .before(alphas)
            .allows(|call, error| is_unchanged(call, error) || is_unavailable(call, error))
            .faults(0)
            .waits(0),
        Scenario::new(
            "create beside abort and sensor",
            &[BETA, Call::Abort("alpha"), Call::Clean],
        )
        .before(alphas)
        .faults(0)
        .waits(0),
        Scenario::new(
            "poll, sensor and another create",
            &[Call::Poll("uid-1"), Call::Clean, BETA],
        )
        .before(alphas),
        Scenario::new(
            "update and abort with a fault",
            &[Call::Update("alpha", "two:2", false), Call::Abort("alpha")],
        )
        .before(alphas)
        .allows(is_not_found)
        .waits(0),
        Scenario::new(
            "update and create with a fault",
            &[Call::Update("alpha", "two:2", false), ALPHA],
        )
        .before(alphas)
        .waits(0),
    ]
}

/// A quota, which is asked before it is looked whether the name is taken.
pub fn quotas() -> Vec<Scenario> {
    vec![
        Scenario::new("two creators under a quota of one", &[ALPHA, BETA]).before(|server| {
            server.quota = [("StatefulSet".to_owned(), 1), ("Service".to_owned(), 1)].into();
        }),
        Scenario::new(
            "two creators of one owner where no Service may be made",
            &[ALPHA, ALPHA],
        )
        .before(|server| server.quota = [("Service".to_owned(), 0)].into())
        .allows(|_, error| matches!(error, Error::Rejected { .. })),
    ]
}

/// Services that have failed and are kept for people to look at, until a new one needs the name.
pub fn kept() -> Vec<Scenario> {
    vec![
        Scenario::new("two creators where a kept one is", &[ALPHA, BETA])
            .before(kept_alphas)
            .faults(0),
        Scenario::new("create and abort where a kept one is", &[BETA, Call::Abort("alpha")])
            .before(kept_alphas)
            .faults(0),
        Scenario::new("keep and abort", &[Call::Keep("alpha"), Call::Abort("alpha")]).before(alphas),
    ]
}

/// Creates without an answer, whose process takes back what they have made, beside others that may adopt it.
pub fn retractions() -> Vec<Scenario> {
    vec![
        Scenario::new("a create that is given up", &[ALPHA])
            .retracts()
            .succeeded_by(|_| Call::GiveUp)
            .faults(3)
            .slowly(),
        Scenario::new("a create that is given up and repeated", &[ALPHA])
            .retracts()
            .waits(0),
        Scenario::new("a create that is given up and the same one", &[ALPHA, ALPHA])
            .retracts()
            .succeeded_by(|_| Call::GiveUp)
            .waits(0),
        Scenario::new("a create that is given up and another's", &[ALPHA, BETA])
            .retracts()
            .succeeded_by(|_| Call::GiveUp)
            .waits(0),
        Scenario::new("a create that is given up while a finalizer holds", &[ALPHA, BETA])
            .before(|server| {
                server.finalized.insert("StatefulSet".to_owned());
            })
            .retracts()
            .succeeded_by(|_| Call::GiveUp)
            .allows(|_, error| matches!(error, Error::Unavailable { .. }))
            .waits(0),
    ]
}

/// Services that have failed: whoever polls gets the same verdict, whatever becomes of the first answer.
pub fn verdicts() -> Vec<Scenario> {
    let poll = Call::Conclude("alpha", "uid-1", false);
    let keep = Call::Conclude("alpha", "uid-1", true);
    vec![
        Scenario::new("a poll that died and its successor", &[poll])
            .before(failed_alphas)
            .faults(2)
            .slowly(),
        Scenario::new("two polls of a service that has failed", &[poll, poll])
            .before(failed_alphas)
            .faults(0)
            .waits(0),
        Scenario::new("a poll that keeps, and its successor", &[keep])
            .before(failed_alphas)
            .faults(2)
            .slowly(),
        Scenario::new("two polls that keep", &[keep, keep])
            .before(failed_alphas)
            .faults(0)
            .waits(0),
        Scenario::new("a poll and another's create", &[poll, BETA])
            .before(failed_alphas)
            .waits(0),
        Scenario::new("a poll and an abort", &[poll, Call::Abort("alpha")])
            .before(failed_alphas)
            .faults(0)
            .waits(0),
        Scenario::new("a poll and a recovery", &[poll, Call::Recover])
            .before(failed_alphas)
            .waits(0),
        Scenario::new("two polls and a recovery", &[poll, poll, Call::Recover])
            .before(failed_alphas)
            .faults(0)
            .waits(0),
        Scenario::new("a poll that keeps and a recovery", &[keep, Call::Recover])
            .before(failed_alphas)
            .waits(0),
    ]
}

/// Those who change a service that runs.
pub fn updates() -> Vec<Scenario> {
    let update = Call::Update("alpha", "two:2", false);
    let of_another = Call::Update("beta", "two:2", false);
    let adopt = Call::Update("beta", "two:2", true);
    vec![
        Scenario::new("update and create", &[update, ALPHA])
            .allows(is_not_found)
            .faults(0)
            .waits(0),
        Scenario::new("update and create again", &[update, ALPHA])
            .before(alphas)
            .faults(0)
            .waits(0),
        Scenario::new("update and abort", &[update, Call::Abort("alpha")])
            .before(alphas)
            .allows(is_not_found)
            .faults(0)
            .waits(0),
        Scenario::new("update and sensor", &[update, Call::Clean])
            .before(alphas)
            .allows(is_not_found)
            .faults(0)
            .waits(0),
        Scenario::new("update and keep", &[update, Call::Keep("alpha")])
            .before(alphas)
            .faults(0)
            .waits(0),
        Scenario::new("an update that died and its successor", &[update])
            .before(alphas)
            .faults(2)
            .slowly(),
        Scenario::new("update of a kept service", &[update]).before(kept_alphas),
        Scenario::new("update of another's service", &[of_another])
            .before(alphas)
            .allows(is_unchanged),
        Scenario::new("adopt and sensor", &[adopt, Call::Clean])
            .before(alphas)
            .allows(is_not_found)
            .faults(0)
            .waits(0),
        Scenario::new("adopt of the predecessor's", &[adopt])
            .before(predecessors)
            .faults(2),
        Scenario::new("adopt of somebody else's", &[adopt])
            .before(foreign::<StatefulSet>)
            .allows(|_, error| matches!(error, Error::NotOwned { .. })),
        Scenario::new("update while a finalizer holds", &[update, Call::Clean])
            .before(|server| {
                server.finalized.insert("StatefulSet".to_owned());
                alphas(server);
            })
            .allows(|call, error| is_unchanged(call, error) || is_not_found(call, error))
            .faults(0)
            .waits(0),
    ]
}

/// Nodes of Flyte's executions that change a service of another node.
pub fn executions() -> Vec<Scenario> {
    let of_its_execution = Call::Update("f1/n1", "two:2", false);
    let of_another = Call::Update("f10/n0", "two:2", false);
    let adopt = Call::Update("f10/n0", "two:2", true);
    vec![
        Scenario::new("update by another node", &[of_its_execution]).before(of_a_node),
        Scenario::new("update by another node of what version 2.0 made", &[of_its_execution]).before(of_a_node_by_2_0),
        Scenario::new("update by another execution", &[of_another])
            .before(of_a_node)
            .allows(is_unchanged),
        Scenario::new("update by another execution of what version 2.0 made", &[of_another])
            .before(of_a_node_by_2_0)
            .allows(is_unchanged),
        Scenario::new(
            "updates by two nodes of what version 2.0 made",
            &[of_its_execution, Call::Update("f1/n2", "two:2", false)],
        )
        .before(of_a_node_by_2_0)
        .faults(0)
        .waits(0),
        Scenario::new("adopt by another execution", &[adopt, of_its_execution])
            .before(of_a_node_by_2_0)
            .allows(is_unchanged)
            .faults(0)
            .waits(0),
        Scenario::new(
            "create and update by another node",
            &[Call::Create("f1/n0", "one:1"), of_its_execution],
        )
        .allows(is_not_found)
        .faults(0)
        .waits(0),
    ]
}

/// Every scenario.
pub fn all() -> Vec<Scenario> {
    [
        deep(),
        quotas(),
        kept(),
        verdicts(),
        retractions(),
        creators(),
        creators_and_deleters(),
        three(),
        deleters_and_the_dead(),
        others(),
        observers(),
        updates(),
        executions(),
        lifetimes(),
        sleepers(),
    ]
    .concat()
}

/// Whether a create was told that the name is another's.
pub fn is_conflict(call: Call, error: &Error) -> bool {
    matches!(call, Call::Create(..)) && matches!(error, Error::Conflict { .. })
}

/// Whether an update was told that it may not change what is there.
pub fn is_unchanged(call: Call, error: &Error) -> bool {
    matches!(call, Call::Update(..)) && matches!(error, Error::Unchanged { .. })
}

/// Whether an update was told that there is nothing.
fn is_not_found(call: Call, error: &Error) -> bool {
    matches!(call, Call::Update(..)) && matches!(error, Error::NotFound { .. })
}

/// Whether an update has given up, since another one has undone again and again what it has done.
fn is_unavailable(call: Call, error: &Error) -> bool {
    matches!(call, Call::Update(..)) && matches!(error, Error::Unavailable { .. })
}
