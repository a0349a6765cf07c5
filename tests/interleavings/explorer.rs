//! The search for a schedule that breaks the property.

use std::fmt;
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};
use tokio::task::unconstrained;

use crate::run::Run;
use crate::scenario::Scenario;
use crate::schedule::{Chooser, Ended, Schedule};

/// What a search has come to.
pub struct Explored {
    pub schedules: usize,
    pub states: usize,
    pub seconds: f64,
    pub violation: Option<Violation>,
}

/// A schedule after which the property does not hold.
pub struct Violation {
    pub scenario: &'static str,
    pub schedule: Schedule,
    pub problem: String,
    pub story: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}: {}", self.scenario, self.problem)?;
        for line in &self.story {
            writeln!(formatter, "    {line}")?;
        }
        write!(
            formatter,
            "Replay it with SCENARIO='{}' SCHEDULE={} cargo test --test interleavings replay -- \
             --ignored --nocapture",
            self.scenario, self.schedule
        )
    }
}

/// Goes through every schedule within the scenario's bounds, until one breaks the property.
pub fn exhaust(scenario: &Scenario) -> Explored {
    search(scenario, Chooser::depth_first(), |chooser, _| chooser.advance())
}

/// Goes through as many schedules by chance.
pub fn sample(scenario: &Scenario, samples: usize) -> Explored {
    search(scenario, Chooser::by_chance(0), |chooser, schedules| {
        *chooser = Chooser::by_chance(schedules as u64);
        schedules < samples
    })
}

/// Runs one schedule again.
pub fn replay(scenario: &Scenario, schedule: Schedule) -> Ended {
    one(&runtime(), scenario, &mut Chooser::replay(schedule))
}

fn search(scenario: &Scenario, mut chooser: Chooser, mut next: impl FnMut(&mut Chooser, usize) -> bool) -> Explored {
    let (started, runtime) = (Instant::now(), runtime());
    let mut schedules = 0;
    let violation = loop {
        let ended = one(&runtime, scenario, &mut chooser);
        schedules += 1;
        if let Some(problem) = ended.violation {
            let schedule = chooser.schedule();
            let story = one(&runtime, scenario, &mut Chooser::replay(schedule.clone())).story;
            break Some(Violation {
                scenario: scenario.name,
                schedule,
                problem,
                story,
            });
        }
        if !next(&mut chooser, schedules) {
            break None;
        }
    };
    Explored {
        schedules,
        states: chooser.states(),
        seconds: started.elapsed().as_secs_f64(),
        violation,
    }
}

fn one(runtime: &Runtime, scenario: &Scenario, chooser: &mut Chooser) -> Ended {
    // Without a budget: a timer that comes late because its task was busy would make schedules differ by chance.
    runtime.block_on(unconstrained(Run::schedule(scenario, chooser)))
}

/// A runtime whose clock stands still, and goes on by itself where everybody waits for it.
pub fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    builder.build().expect("a runtime")
}
