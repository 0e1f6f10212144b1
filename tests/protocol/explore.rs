//! Breadth-first exploration: every world within the bounds, the shortest way to each.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::broker::Version;
use crate::laws::{self, Violation};
use crate::rules::{Bounds, Rules, Waiting};
use crate::words;
use crate::world::{Action, World};

/// What is explored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    pub(crate) version: Version,
    pub(crate) bounds: Bounds,
    pub(crate) rules: Rules,
    pub(crate) waiting: Waiting,
    /// Worlds with a longer log are counted and not gone on from.
    pub(crate) log_limit: usize,
    /// The violation that is looked for; `None`: any.
    pub(crate) sought: Option<Violation>,
}

/// A broken promise and the shortest way to it.
#[derive(Debug)]
pub(crate) struct Counterexample {
    pub(crate) violation: Violation,
    pub(crate) actions: Vec<Action>,
}

/// How an exploration ended.
#[derive(Debug)]
pub(crate) struct Explored {
    pub(crate) states: usize,
    /// Worlds that the log limit cut off.
    pub(crate) cut: usize,
    pub(crate) counterexample: Option<Counterexample>,
}

/// Worlds are told apart by a 64-bit hash: at ten million of them, two are confused with a chance of 3 in a million.
type Fingerprint = u64;

/// A fingerprint is a hash already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("only fingerprints are hashed")
    }
    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}

/// The worlds seen, in the order of their discovery, and how each was reached.
#[derive(Default)]
struct Seen {
    numbers: HashMap<Fingerprint, u32, BuildHasherDefault<Identity>>,
    reached_by: Vec<Option<(u32, Action)>>,
}

impl Seen {
    /// The number of a world, and whether it is new.
    fn note(&mut self, world: &World, reached_by: Option<(u32, Action)>) -> (u32, bool) {
        let number = u32::try_from(self.reached_by.len()).expect("fewer worlds than 2^32");
        match self.numbers.entry(fingerprint(world)) {
            Entry::Occupied(known) => (*known.get(), false),
            Entry::Vacant(new) => {
                new.insert(number);
                self.reached_by.push(reached_by);
                (number, true)
            }
        }
    }

    fn len(&self) -> usize {
        self.reached_by.len()
    }

    fn way_to(&self, mut number: u32) -> Vec<Action> {
        let mut way = Vec::new();
        while let Some((before, action)) = self.reached_by[number as usize] {
            way.push(action);
            number = before;
        }
        way.reverse();
        way
    }
}

fn fingerprint(world: &World) -> Fingerprint {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

impl Model {
    pub(crate) fn first(&self) -> World {
        World::new(self.version, self.bounds)
    }

    /// The steps in words.
    pub(crate) fn lines(&self, actions: &[Action]) -> Vec<String> {
        let mut world = self.first();
        let mut lines = Vec::new();
        for action in actions {
            lines.push(words::line(&world, *action));
            world = world.after(*action, &self.rules);
        }
        lines
    }

    /// The steps in words, numbered, with what came of them, and the log at their end.
    pub(crate) fn trace(&self, actions: &[Action]) -> String {
        let mut world = self.first();
        let mut trace = String::new();
        for (number, action) in (1..).zip(actions) {
            let next = world.after(*action, &self.rules);
            let (line, outcome) = (words::line(&world, *action), words::outcome(&world, &next));
            trace.push_str(&format!("{number:4} {line}{outcome}\n"));
            world = next;
        }
        format!("{trace}     .state: {}", words::log(&world))
    }

    /// Visits every world within the bounds, until a promise is broken.
    pub(crate) fn explore(&self) -> Explored {
        self.visit(|_, _, _| {}).0
    }

    /// The same, and then looks for a cycle. The log only grows and bounds only shrink, so that a cycle is a way
    /// of going on for ever without progress.
    pub(crate) fn explore_for_cycles(&self) -> Explored {
        let mut edges = Vec::new();
        let (explored, seen) = self.visit(|from, to, action| edges.push((from, to, action)));
        if explored.counterexample.is_some() {
            return explored;
        }
        let cycle = shortest_cycle(within_cycles(explored.states, edges));
        let counterexample = cycle.map(|cycle| {
            let mut actions = seen.way_to(cycle[0].0);
            actions.extend(cycle.iter().map(|(_, _, action)| action));
            Counterexample { violation: Violation::EndlessFencing, actions }
        });
        Explored { counterexample, ..explored }
    }

    /// Calls `edge` for each step from one world to another.
    fn visit(&self, mut edge: impl FnMut(u32, u32, Action)) -> (Explored, Seen) {
        let (mut seen, mut cut) = (Seen::default(), 0);
        let first = self.first();
        seen.note(&first, None);
        let mut frontier = VecDeque::from([(0, first)]);
        while let Some((number, world)) = frontier.pop_front() {
            for action in world.actions(&self.rules, self.waiting) {
                let next = world.after(action, &self.rules);
                let (next_number, is_new) = seen.note(&next, Some((number, action)));
                edge(number, next_number, action);
                if !is_new {
                    continue;
                }
                let broken = laws::broken(&next, &self.rules);
                if let Some(violation) =
                    broken.into_iter().find(|broken| self.sought.is_none_or(|sought| sought == *broken))
                {
                    let counterexample = Counterexample { violation, actions: seen.way_to(next_number) };
                    return (Explored { states: seen.len(), cut, counterexample: Some(counterexample) }, seen);
                }
                if next.broker.log.len() > self.log_limit {
                    cut += 1;
                } else {
                    frontier.push_back((next_number, next));
                }
            }
        }
        (Explored { states: seen.len(), cut, counterexample: None }, seen)
    }
}

type Edge = (u32, u32, Action);

/// The edges that are left when worlds without a way in are taken away again and again: those of cycles, and
/// what is reached from them.
fn within_cycles(states: usize, edges: Vec<Edge>) -> Vec<Edge> {
    let mut ways_in = vec![0_u32; states];
    for (_, to, _) in &edges {
        ways_in[*to as usize] += 1;
    }
    let mut ways_out = edges;
    ways_out.sort_unstable_by_key(|(from, _, _)| *from);
    let out_of = |world: u32| {
        let begin = ways_out.partition_point(|(from, _, _)| *from < world);
        ways_out[begin..].iter().take_while(move |(from, _, _)| *from == world)
    };
    let mut without: Vec<u32> = (0..).zip(&ways_in).filter(|(_, ways)| **ways == 0).map(|(world, _)| world).collect();
    while let Some(world) = without.pop() {
        for (_, to, _) in out_of(world) {
            ways_in[*to as usize] -= 1;
            if ways_in[*to as usize] == 0 {
                without.push(*to);
            }
        }
    }
    let is_left = |world: u32| ways_in[world as usize] > 0;
    ways_out.iter().filter(|(from, to, _)| is_left(*from) && is_left(*to)).copied().collect()
}

/// The first of the shortest cycles among these edges.
fn shortest_cycle(edges: Vec<Edge>) -> Option<Vec<Edge>> {
    let mut ways_out: HashMap<u32, Vec<Edge>> = HashMap::new();
    for edge in edges {
        ways_out.entry(edge.0).or_default().push(edge);
    }
    let mut starts: Vec<u32> = ways_out.keys().copied().collect();
    starts.sort_unstable();
    starts.truncate(TRIED_FOR_A_CYCLE);
    starts.into_iter().filter_map(|start| cycle_through(start, &ways_out)).min_by_key(Vec::len)
}

/// Worlds that are tried as the beginning of a cycle, earliest first.
const TRIED_FOR_A_CYCLE: usize = 1_000;

fn cycle_through(start: u32, ways_out: &HashMap<u32, Vec<Edge>>) -> Option<Vec<Edge>> {
    let mut reached_by: HashMap<u32, Edge> = HashMap::new();
    let mut frontier = VecDeque::from([start]);
    while let Some(world) = frontier.pop_front() {
        for edge in ways_out.get(&world).into_iter().flatten() {
            if let Entry::Vacant(new) = reached_by.entry(edge.1) {
                new.insert(*edge);
                frontier.push_back(edge.1);
            }
        }
        if let Some(last) = reached_by.get(&start) {
            let before = std::iter::successors(Some(*last), |(from, _, _)| (*from != start).then(|| reached_by[from]));
            let mut cycle: Vec<Edge> = before.collect();
            cycle.reverse();
            return Some(cycle);
        }
    }
    None
}
