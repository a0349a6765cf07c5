//! One schedule, from its beginning to its end.

use std::collections::hash_map::DefaultHasher;
use std::future::poll_fn;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8sdataservice::identity::owner::{ManagedBy, managed_by};
use tokio::time::{Instant, timeout};

use crate::actor::{Actor, Call};
use crate::gate::{Desk, Fate, Gate, lock};
use crate::property;
use crate::scenario::Scenario;
use crate::schedule::{Chooser, Ended, Step};
use crate::server::{Key, Server};
use k8sdataservice::error::Error;

/// Longer than a call waits between two requests that are answered at once.
const LONG: Duration = Duration::from_millis(900);

/// How many requests without an answer use up the time of a call.
const SLOW_REQUESTS_OF_A_DEADLINE: usize = 2;

/// A schedule under way.
pub struct Run<'a> {
    pub scenario: &'a Scenario,
    pub actors: Vec<Actor>,
    /// What somebody else has made before, and of which version.
    pub of_others: Vec<(Key, String)>,
    desk: Arc<Mutex<Desk>>,
    /// How many calls have begun.
    calls: usize,
    /// How many processes have died.
    pub killed: usize,
    faults: usize,
    waits: usize,
    /// How many of the waits have used up the time of a whole request of everybody.
    slow_waits: usize,
    /// Up to which write the actors have witnessed what is alive.
    witnessed: u64,
    started: Instant,
    last: usize,
    /// What has happened, for people, if it is told.
    story: Vec<String>,
    tells: bool,
}

impl<'a> Run<'a> {
    /// Runs one schedule to its end.
    pub async fn schedule(scenario: &'a Scenario, chooser: &mut Chooser) -> Ended {
        let mut desk = Desk::default();
        (scenario.before)(&mut desk.server);
        let mut run = Self {
            scenario,
            actors: scenario.calls.iter().map(|call| Actor::new(*call)).collect(),
            of_others: versions(&desk.server, |metadata| managed_by(metadata) == ManagedBy::Other),
            desk: Arc::new(Mutex::new(desk)),
            calls: 0,
            killed: 0,
            faults: scenario.bounds.faults,
            waits: scenario.bounds.waits,
            slow_waits: 0,
            witnessed: 0,
            started: Instant::now(),
            last: 0,
            story: Vec::new(),
            tells: chooser.replays(),
        };
        let violation = run.go(chooser).await;
        Ended {
            violation: violation.err().filter(|_| !chooser.is_abandoned()),
            story: run.story,
        }
    }

    async fn go(&mut self, chooser: &mut Chooser) -> Result<(), String> {
        for actor in 0..self.actors.len() {
            self.begin(actor);
        }
        poll_fn(|context| {
            self.poll(context);
            Poll::Ready(())
        })
        .await;
        loop {
            self.bring_up_successors().await?;
            let steps = self.steps();
            if steps.is_empty() {
                if self.actors.iter().all(|actor| actor.running.is_none()) {
                    break;
                }
                self.pass_time(None).await;
                continue;
            }
            let Some(choice) = chooser.choose(&steps, || self.state()) else {
                return Ok(());
            };
            if !self.take(&steps[choice]).await {
                chooser.abandon();
                return Ok(());
            }
        }
        self.settle_environment();
        property::holds(self, &lock(&self.desk).server)
    }

    /// What may happen next. The first is what would happen if nobody interfered.
    fn steps(&self) -> Vec<Step> {
        let desk = lock(&self.desk);
        let mut steps = Vec::new();
        let mut waiting: Vec<_> = desk.waiting.iter().collect();
        waiting.sort_by_key(|request| (request.actor != self.last, request.actor, request.ticket));
        steps.extend(waiting.iter().map(|request| request.with(Fate::Answered)));
        steps.extend(desk.server.dangling().into_iter().map(Step::Collect));
        steps.extend(desk.server.held().into_iter().map(Step::Release));
        let someone_waits = self
            .actors
            .iter()
            .enumerate()
            .filter(|(_, actor)| actor.running.is_some())
            .any(|(number, actor)| actor.failed || !waiting.iter().any(|request| request.actor == number));
        if someone_waits && !steps.is_empty() && (waiting.is_empty() || self.waits > 0) {
            steps.push(Step::Wait);
        }
        if self.faults > 0 {
            for request in waiting {
                steps.extend(
                    request
                        .bad_fates(self.scenario.bounds.slowly)
                        .map(|fate| request.with(fate)),
                );
                if self.scenario.retracts && matches!(self.actors[request.actor].call, Call::Create(..)) {
                    steps.push(request.with(Fate::Cancelled));
                }
                let lag = self.scenario.lag.min(desk.server.lag());
                let lag = if request.reads() { lag } else { 0 };
                steps.extend((1..=lag).map(|writes_ago| request.with(Fate::Stale(writes_ago))));
            }
        }
        steps
    }

    /// Takes a step; `false` if it turned out to change nothing.
    async fn take(&mut self, step: &Step) -> bool {
        match step {
            Step::Collect(key) => {
                self.tell(|| format!("the garbage collector takes {} {}", key.0, key.1));
                lock(&self.desk).server.collect(key);
            }
            Step::Release(key) => {
                self.tell(|| format!("the finalizers of {} {} are removed", key.0, key.1));
                lock(&self.desk).server.release(key);
            }
            Step::Wait => {
                self.tell(|| "time passes".to_owned());
                return self.wait().await;
            }
            Step::Request(actor, ticket, fate) => self.settle(*actor, *ticket, *fate).await,
        }
        self.witness();
        true
    }

    async fn settle(&mut self, number: usize, ticket: u64, fate: Fate) {
        self.last = number;
        let (request, answer) = {
            let mut desk = lock(&self.desk);
            if self.actors[number].alive_at_first.is_none() {
                let alive = desk.server.services_alive();
                self.actors[number].alive_at_first = Some(alive.clone());
                self.actors[number].witness(&alive);
            }
            let request = desk.waiting.iter().find(|request| request.ticket == ticket);
            let request = request.map(|request| format!("{} {}", request.verb, request.kind));
            (request.unwrap_or_default(), desk.settle(ticket, fate))
        };
        let moment = self.started.elapsed();
        let actor = &mut self.actors[number];
        actor.history = hash(&(actor.history, &request, fate, &answer, moment));
        actor.failed |= fate != Fate::Answered;
        actor.slow += usize::from(matches!(fate, Fate::Unheard | Fate::RefusedForASecond));
        if fate != Fate::Answered {
            self.faults -= 1;
        }
        let call = actor.call;
        self.tell(|| format!("{number} ({call}): {request} is {fate:?}: {answer}"));
        // What the request led to was there while the call was under way, even if it ends with it.
        self.witness();
        if matches!(fate, Fate::Orphaned | Fate::Cancelled) {
            self.killed += usize::from(fate == Fate::Orphaned);
            let ended = self.actors[number].number;
            self.actors[number].deaths += 1;
            self.begin_again(number);
            if fate == Fate::Cancelled {
                self.begin_retraction(ended);
            }
        }
        poll_fn(|context| {
            self.poll(context);
            Poll::Ready(())
        })
        .await;
    }

    /// Repeats what has failed because the server was away for too long, as Flyte does.
    async fn bring_up_successors(&mut self) -> Result<(), String> {
        for number in 0..self.actors.len() {
            let actor = &mut self.actors[number];
            let Some(error) = actor.answer.as_ref().and_then(|answer| answer.error()) else {
                continue;
            };
            if (self.scenario.allows)(actor.call, error) {
                continue;
            }
            let excused = matches!(error, Error::Unavailable { .. })
                && actor.slow + self.slow_waits >= SLOW_REQUESTS_OF_A_DEADLINE;
            if !excused {
                return Err(format!("{number} ({}) ended with an error: {error}", actor.call));
            }
            let (ended, creates) = (actor.number, matches!(actor.call, Call::Create(..)));
            self.actors[number].deaths += 1;
            self.begin_again(number);
            if self.scenario.retracts && creates {
                self.begin_retraction(ended);
            }
            poll_fn(|context| {
                self.poll(context);
                Poll::Ready(())
            })
            .await;
        }
        Ok(())
    }

    fn begin(&mut self, number: usize) {
        self.calls += 1;
        let gate = Gate::new(&self.desk, number, self.calls);
        let running = (self.scenario.verbs)(self.actors[number].call, gate);
        self.actors[number].number = self.calls;
        self.actors[number].begin(running);
    }

    /// Takes back what a call may have made that has ended without an answer, beside all else.
    fn begin_retraction(&mut self, ended: usize) {
        self.tell(|| format!("what call {ended} may have made is taken back"));
        self.actors.push(Actor::new(Call::Retract(ended)));
        self.begin(self.actors.len() - 1);
    }

    fn begin_again(&mut self, number: usize) {
        self.tell(|| format!("{number} is succeeded by another process"));
        // Its requests must be gone before those of its successor come.
        self.actors[number].running = None;
        self.actors[number].call = (self.scenario.successor)(self.actors[number].call);
        self.begin(number);
    }

    /// Lets every call go on as far as it can.
    fn poll(&mut self, context: &mut Context<'_>) {
        for (number, actor) in self.actors.iter_mut().enumerate() {
            let Some(running) = &mut actor.running else { continue };
            // Pauses have jitter; each call must draw the same at the same place of each schedule.
            fastrand::seed(0);
            if let Poll::Ready(answer) = running.as_mut().poll(context) {
                actor.running = None;
                let text = answer.to_string();
                actor.history = hash(&(actor.history, &text));
                if self.tells {
                    self.story.push(format!("{number} ({}): {text}", actor.call));
                }
                actor.answer = Some(answer);
            }
        }
    }

    /// Lets time pass until somebody makes a request or ends; `false` if nobody does for so long.
    async fn pass_time(&mut self, at_most: Option<Duration>) -> bool {
        let before = self.progress();
        let changes = poll_fn(|context| {
            self.poll(context);
            if self.progress() == before {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        });
        if let Some(at_most) = at_most {
            return timeout(at_most, changes).await.is_ok();
        }
        changes.await;
        true
    }

    /// Lets time pass although somebody could go on; `false` where nothing comes of it, or nothing that another choice
    /// does not lead to: a request that waits for so long that it is given up is one that was never heard of.
    async fn wait(&mut self) -> bool {
        let before: Vec<u64> = lock(&self.desk).waiting.iter().map(|request| request.ticket).collect();
        let started = Instant::now();
        if before.is_empty() {
            self.pass_time(None).await;
            return true;
        }
        self.waits -= 1;
        let changed = self.pass_time(Some(2 * LONG)).await;
        self.slow_waits += usize::from(started.elapsed() > LONG);
        let desk = lock(&self.desk);
        changed
            && before
                .iter()
                .all(|ticket| desk.waiting.iter().any(|request| request.ticket == *ticket))
    }

    fn progress(&self) -> (u64, usize) {
        let running = self.actors.iter().filter(|actor| actor.running.is_some()).count();
        (lock(&self.desk).tickets, running)
    }

    fn witness(&mut self) {
        let desk = lock(&self.desk);
        if desk.server.writes() == self.witnessed {
            return;
        }
        self.witnessed = desk.server.writes();
        let alive = desk.server.services_alive();
        drop(desk);
        for actor in &mut self.actors {
            actor.witness(&alive);
        }
    }

    /// Lets the garbage collector and the holders of finalizers do all that is left to do.
    fn settle_environment(&mut self) {
        let mut desk = lock(&self.desk);
        loop {
            let (dangling, held) = (desk.server.dangling(), desk.server.held());
            if dangling.is_empty() && held.is_empty() {
                return;
            }
            for key in dangling {
                desk.server.collect(&key);
            }
            for key in held {
                desk.server.release(&key);
            }
        }
    }

    /// Everything that what happens from here on depends on, and all that the property looks at.
    fn state(&self) -> u64 {
        let desk = lock(&self.desk);
        let mut hasher = DefaultHasher::new();
        desk.server.hash(&mut hasher);
        for request in &desk.waiting {
            (request.actor, request.verb, &request.kind).hash(&mut hasher);
        }
        for actor in &self.actors {
            (
                actor.history,
                actor.number,
                actor.deaths,
                actor.slow,
                actor.failed,
                actor.none_meanwhile,
            )
                .hash(&mut hasher);
            (&actor.alive_at_first, &actor.alive_meanwhile).hash(&mut hasher);
        }
        (
            self.killed,
            self.faults,
            self.waits,
            self.slow_waits,
            self.started.elapsed(),
        )
            .hash(&mut hasher);
        hasher.finish()
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.tells {
            self.story.push(what());
        }
    }
}

/// What there is, and of which version.
pub fn versions(server: &Server, counts: impl Fn(&ObjectMeta) -> bool) -> Vec<(Key, String)> {
    let counted = server.objects().filter(|(_, stored)| counts(&stored.metadata));
    counted
        .map(|(key, stored)| {
            let metadata = &stored.metadata;
            (
                key.clone(),
                format!("{:?} {:?}", metadata.uid, metadata.resource_version),
            )
        })
        .collect()
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
