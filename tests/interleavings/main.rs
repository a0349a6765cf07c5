//! Every interleaving of the lifecycle's verbs, of each other and of what can go wrong, against a cluster in memory.
//!
//! The verbs are the real ones. Each of their requests waits at a gate, and the explorer goes depth first through all
//! that can happen next: which request is carried out, what becomes of it and of its answer, whether its sender dies
//! and is succeeded by another process, what the garbage collector takes, whether time passes. After each schedule one
//! property must hold. A schedule that breaks it is printed, and can be replayed.
//!
//! `EXPLORE_MOST_FAULTS=2` explores as many faults per schedule as each scenario has, and `EXPLORE_FAULTS=n`
//! that many in all of them. `EXPLORE_SAMPLES=n` explores as many deeper schedules by chance.

mod actor;
mod calls;
mod differential;
mod explorer;
mod gate;
mod lifetimes;
mod metadata;
mod mutations;
mod property;
mod run;
mod scenario;
mod scenarios;
mod schedule;
mod server;
mod states;
mod watching;

use scenario::Scenario;

/// How many faults per schedule to explore at most: two take six times as long as one, and are for `make test-all`.
const MOST_FAULTS: usize = 1;

/// A number from the environment.
fn setting(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

/// Goes through every schedule of the scenarios, and fails with the first that breaks the property.
fn explore(scenarios: Vec<Scenario>) {
    let mut violations = Vec::new();
    for scenario in scenarios {
        let most = setting("EXPLORE_MOST_FAULTS").unwrap_or(MOST_FAULTS);
        let faults = setting("EXPLORE_FAULTS").unwrap_or(scenario.bounds.faults.min(most));
        let scenario = scenario.faults(faults);
        let explored = explorer::exhaust(&scenario);
        println!(
            "{}: {} schedules, {} states, at most {faults} faults and {} waits, {:.1} s",
            scenario.name, explored.schedules, explored.states, scenario.bounds.waits, explored.seconds,
        );
        violations.extend(explored.violation);
    }
    for violation in &violations {
        println!("\n{violation}");
    }
    assert!(violations.is_empty(), "the property does not hold after every schedule");
}

#[test]
fn creators() {
    explore(scenarios::creators());
}

#[test]
fn creators_and_deleters() {
    explore(scenarios::creators_and_deleters());
}

#[test]
fn three_at_once() {
    explore(scenarios::three());
}

#[test]
fn deleters_and_the_dead() {
    explore(scenarios::deleters_and_the_dead());
}

#[test]
fn others() {
    explore(scenarios::others());
}

#[test]
fn observers() {
    explore(scenarios::observers());
}

#[test]
fn quotas() {
    explore(scenarios::quotas());
}

#[test]
fn kept() {
    explore(scenarios::kept());
}

#[test]
fn retractions() {
    explore(scenarios::retractions());
}

#[test]
fn verdicts() {
    explore(scenarios::verdicts());
}

#[test]
fn updates() {
    explore(scenarios::updates());
}

#[test]
fn lifetimes() {
    explore(lifetimes::lifetimes());
}

#[test]
fn sleepers() {
    explore(lifetimes::sleepers());
}

#[test]
fn executions() {
    explore(scenarios::executions());
}

/// What takes minutes; `make explore` runs it.
#[test]
#[ignore = "takes minutes"]
fn deep() {
    explore(scenarios::deep());
}

/// Deeper schedules, by chance.
#[test]
fn samples() {
    let samples = setting("EXPLORE_SAMPLES").unwrap_or(20);
    for scenario in scenarios::all() {
        let scenario = scenario.faults(4);
        let explored = explorer::sample(&scenario, samples);
        if let Some(violation) = explored.violation {
            panic!("{violation}");
        }
    }
}

/// Replays a schedule that a failed exploration has printed.
#[test]
#[ignore = "needs SCENARIO and SCHEDULE"]
fn replay() {
    let name = std::env::var("SCENARIO").expect("SCENARIO is set");
    let schedule = std::env::var("SCHEDULE").expect("SCHEDULE is set");
    let scenario = scenarios::all()
        .into_iter()
        .find(|scenario| scenario.name == name)
        .expect("a scenario of that name");
    let ended = explorer::replay(&scenario, schedule.parse().expect("a schedule"));
    println!("{}", ended.story.join("\n"));
    assert_eq!(ended.violation, None);
}
