//! Schedules: what may happen at each point, and who chooses.

use std::collections::HashSet;
use std::fmt;

use crate::gate::Fate;
use crate::server::Key;

/// Something that may happen next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A request of an actor, by its ticket, meets with its fate.
    Request(usize, u64, Fate),
    /// The garbage collector takes an object whose owners are gone.
    Collect(Key),
    /// The finalizers of an object that is marked for deletion are removed.
    Release(Key),
    /// Time passes until somebody goes on.
    Wait,
}

/// A schedule: at each point, which of the steps was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule(pub Vec<usize>);

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let choices: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(&choices.join("."))
    }
}

impl std::str::FromStr for Schedule {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let choices = text.split('.').filter(|choice| !choice.is_empty());
        choices.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// How a schedule has ended.
pub struct Ended {
    /// In what the property does not hold.
    pub violation: Option<String>,
    /// What has happened.
    pub story: Vec<String>,
}

/// Who chooses what happens next.
pub struct Chooser {
    /// What to choose at first.
    prefix: Vec<usize>,
    /// What was chosen, and out of how many.
    pub chosen: Vec<(usize, usize)>,
    rest: Rest,
    abandoned: bool,
}

/// How to go on where the prefix ends.
enum Rest {
    /// The first possibility, unless the state has been gone on from before.
    Unseen(HashSet<u64>),
    /// By chance, from a seed.
    Chance(u64),
    /// The first possibility.
    First,
}

impl Chooser {
    /// Goes depth first through all schedules, but from each state only once.
    pub fn depth_first() -> Self {
        Self::new(Rest::Unseen(HashSet::new()))
    }

    /// Chooses by chance; the same seed gives the same schedule.
    pub fn by_chance(seed: u64) -> Self {
        Self::new(Rest::Chance(seed))
    }

    /// Replays a schedule.
    pub fn replay(schedule: Schedule) -> Self {
        Self {
            prefix: schedule.0,
            ..Self::new(Rest::First)
        }
    }

    fn new(rest: Rest) -> Self {
        Self {
            prefix: Vec::new(),
            chosen: Vec::new(),
            rest,
            abandoned: false,
        }
    }

    /// Chooses one of the steps, or none where it is known what comes of them.
    pub fn choose(&mut self, steps: &[Step], state: impl FnOnce() -> u64) -> Option<usize> {
        let choice = match (self.prefix.get(self.chosen.len()), &mut self.rest) {
            (Some(choice), _) => *choice,
            (None, Rest::First) => 0,
            (None, Rest::Chance(seed)) => by_chance(steps, seed),
            (None, Rest::Unseen(states)) => {
                if !states.insert(state()) {
                    self.abandon();
                    return None;
                }
                0
            }
        };
        let choice = choice.min(steps.len() - 1);
        self.chosen.push((choice, steps.len()));
        Some(choice)
    }

    /// Chooses one of so many possibilities, the first one where no other was said.
    pub fn choose_of(&mut self, possibilities: usize) -> usize {
        let choice = self.prefix.get(self.chosen.len()).copied().unwrap_or_default();
        self.chosen.push((choice, possibilities));
        choice
    }

    /// Turns to the next schedule; `false` after the last one.
    pub fn advance(&mut self) -> bool {
        self.abandoned = false;
        while let Some((choice, of)) = self.chosen.pop() {
            if choice + 1 < of {
                self.prefix = self.chosen.iter().map(|(choice, _)| *choice).collect();
                self.prefix.push(choice + 1);
                self.chosen.clear();
                return true;
            }
        }
        false
    }

    /// Notes that the schedule is not worth going on with.
    pub fn abandon(&mut self) {
        self.abandoned = true;
    }

    pub fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// Whether this is a replay, whose story somebody wants to read.
    pub fn replays(&self) -> bool {
        matches!(self.rest, Rest::First)
    }

    /// How many states were gone on from.
    pub fn states(&self) -> usize {
        match &self.rest {
            Rest::Unseen(states) => states.len(),
            _ => 0,
        }
    }

    pub fn schedule(&self) -> Schedule {
        Schedule(self.chosen.iter().map(|(choice, _)| *choice).collect())
    }
}

/// Mostly something that goes well, so that not all that goes wrong does so at the beginning.
fn by_chance(steps: &[Step], seed: &mut u64) -> usize {
    let well = |step: &Step| !matches!(step, Step::Request(_, _, fate) if *fate != Fate::Answered);
    let good = steps.iter().filter(|step| well(step)).count();
    if good > 0 && !random(seed).is_multiple_of(4) {
        pick(good, seed)
    } else {
        pick(steps.len(), seed)
    }
}

/// A number below this one, by chance.
pub fn pick(of: usize, seed: &mut u64) -> usize {
    usize::try_from(random(seed) % of as u64).unwrap_or_default()
}

/// `SplitMix64`, by Sebastiano Vigna.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
