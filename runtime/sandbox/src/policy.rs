//! The system-call policies: read from their data files, compiled into a form that the kernel loads fast.
//!
//! Loading is what a filter costs most: the kernel walks the program once for every system-call number to learn which
//! are always allowed. So the calls that are decided by their number stand in a binary search over ranges, about ten
//! instructions deep, and only the few with rules on arguments lead on to what seccompiler makes of those.

use std::collections::{BTreeMap, HashMap};

use seccompiler::{BpfProgram, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule, sock_filter};
use serde::Deserialize;

/// The policy of apps.
pub const APP: &str = include_str!("../policy/app.json");
/// The policy of a sandbox's init, once the app runs.
pub const INIT: &str = include_str!("../policy/init.json");

/// A processor architecture, with its numbers of system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// 64-bit x86.
    X86_64,
    /// 64-bit ARM.
    Aarch64,
}

impl Arch {
    /// The architecture with Rust's name for it.
    pub fn named(name: &str) -> Result<Self, String> {
        match name {
            "x86_64" => Ok(Self::X86_64),
            "aarch64" => Ok(Self::Aarch64),
            _ => Err(format!("there is no system-call table for the architecture {name}")),
        }
    }

    /// The kernel's AUDIT_ARCH constant.
    #[must_use]
    pub fn audit(self) -> u32 {
        match self {
            Self::X86_64 => 0xc000_003e,
            Self::Aarch64 => 0xc000_00b7,
        }
    }

    /// Every call's name and number.
    pub fn calls(self) -> impl Iterator<Item = (&'static str, u32)> {
        let table = match self {
            Self::X86_64 => include_str!("../policy/x86_64.tsv"),
            Self::Aarch64 => include_str!("../policy/aarch64.tsv"),
        };
        table.lines().filter_map(|line| {
            let (number, name) = line.split_once('\t')?;
            Some((name, number.parse().ok()?))
        })
    }
}

/// A policy as its file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What it is for.
    pub why: String,
    /// The answer to all that is not named.
    pub otherwise: Answer,
    /// Names for numbers in rules.
    pub numbers: HashMap<String, Number>,
    /// Calls that are decided by their name.
    pub answers: Vec<Answers>,
    /// Calls that are decided by their arguments.
    pub rules: Vec<Rule>,
}

/// Calls with the same answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Why.
    pub why: String,
    /// The answer.
    pub answer: Answer,
    /// Their names.
    pub calls: Vec<String>,
}

/// A call that is decided by its arguments: the first clause that matches answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The call's name.
    pub call: String,
    /// Why.
    pub why: String,
    /// The clauses in order.
    pub when: Vec<Clause>,
    /// The answer when none matches.
    pub otherwise: Answer,
}

/// Conditions that must all hold, and the answer then.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// The conditions.
    #[serde(rename = "if")]
    pub conditions: Vec<Condition>,
    /// The answer.
    pub answer: Answer,
}

/// A comparison of the low 32 bits of one argument; all arguments that rules look at are ints in the kernel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Which argument, from 0.
    pub arg: u8,
    /// Only these bits count; all, if absent.
    pub mask: Option<Number>,
    /// The value, or several of which one must match.
    pub is: OneOrMore,
}

/// A number, its text in hexadecimal ("0x10"), or a name from [`Policy::numbers`].
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// A number.
    Plain(u32),
    /// Text.
    Text(String),
}

/// One number or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// Several.
    More(Vec<Number>),
    /// One.
    One(Number),
}

/// What the filter answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Answer {
    /// The kernel does the call.
    Allow,
    /// The call fails with this errno. Zero: it does nothing and succeeds.
    Errno(u16),
}

impl Answer {
    /// The value a filter returns for it.
    #[must_use]
    pub fn value(self) -> u32 {
        match self {
            Self::Allow => libc::SECCOMP_RET_ALLOW,
            Self::Errno(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno),
        }
    }
}

impl TryFrom<String> for Answer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let errno = match text.as_str() {
            "allow" => return Ok(Self::Allow),
            "nothing" => 0,
            "EPERM" => libc::EPERM,
            "EACCES" => libc::EACCES,
            "EINVAL" => libc::EINVAL,
            "ENOTTY" => libc::ENOTTY,
            "ENOSYS" => libc::ENOSYS,
            "ENOTSUP" | "EOPNOTSUPP" => libc::EOPNOTSUPP,
            "EPROTONOSUPPORT" => libc::EPROTONOSUPPORT,
            "EAFNOSUPPORT" => libc::EAFNOSUPPORT,
            _ => return Err(format!("no answer is called {text}")),
        };
        u16::try_from(errno).map(Self::Errno).map_err(|e| e.to_string())
    }
}

impl Policy {
    /// Reads a policy.
    pub fn read(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| format!("the policy is malformed: {error}"))
    }

    /// What a number of a rule stands for.
    pub fn number(&self, number: &Number) -> Result<u32, String> {
        match number {
            Number::Plain(number) => Ok(*number),
            Number::Text(text) => match text.strip_prefix("0x") {
                Some(digits) => u32::from_str_radix(digits, 16).map_err(|e| format!("{text}: {e}")),
                None => match self.numbers.get(text) {
                    Some(Number::Text(name)) if !name.starts_with("0x") => Err(format!("{text} is not a number")),
                    Some(number) => self.number(number),
                    None => Err(format!("the policy does not say what {text} is")),
                },
            },
        }
    }

    /// What each numbered call leads to. A name that only the other architectures have is left out; one that nobody
    /// has is an error, and so is one that stands twice.
    fn decisions(&self, arch: Arch) -> Result<BTreeMap<u32, Decision<'_>>, String> {
        let here: HashMap<_, _> = arch.calls().collect();
        let anywhere: HashMap<_, _> = Arch::X86_64.calls().chain(Arch::Aarch64.calls()).collect();
        let answers =
            self.answers.iter().flat_map(|group| group.calls.iter().map(|name| (name, Decision::Answer(group.answer))));
        let rules = self.rules.iter().map(|rule| (&rule.call, Decision::Rule(rule)));
        let mut decisions = BTreeMap::new();
        for (name, decision) in answers.chain(rules) {
            match here.get(name.as_str()) {
                Some(number) => {
                    if decisions.insert(*number, decision).is_some() {
                        return Err(format!("the policy has {name} twice"));
                    }
                }
                None if anywhere.contains_key(name.as_str()) => {}
                None => return Err(format!("no architecture has a system call {name}")),
            }
        }
        Ok(decisions)
    }

    /// Compiles the policy for the kernel.
    pub fn compile(&self, arch: Arch) -> Result<BpfProgram, String> {
        let mut ranges = Vec::new();
        let mut next = 0;
        for (number, decision) in self.decisions(arch)? {
            if number > next {
                push(&mut ranges, next, Decision::Answer(self.otherwise));
            }
            push(&mut ranges, number, decision);
            next = number + 1;
        }
        // Up to the largest number: x32's calls, whose numbers have bit 30 set, are here.
        push(&mut ranges, next, Decision::Answer(self.otherwise));

        let mut program = vec![
            statement(LOAD, ARCH_OFFSET),
            jump(JUMP_EQUAL, arch.audit(), 1, 0),
            statement(RETURN, self.otherwise.value()),
            statement(LOAD, NUMBER_OFFSET),
        ];
        let mut links = Vec::new();
        program.extend(search(&ranges, &mut links));
        for (position, rule) in resolve(links, &program) {
            let distance = program.len() - position - 1;
            program[position].k = u32::try_from(distance).map_err(|e| e.to_string())?;
            program.extend(self.compile_rule(rule)?);
        }
        Ok(program)
    }

    fn compile_rule(&self, rule: &Rule) -> Result<BpfProgram, String> {
        let mut program = Vec::new();
        for clause in &rule.when {
            for conditions in self.expand(&clause.conditions)? {
                let conditions = conditions
                    .into_iter()
                    .map(|(arg, mask, value)| {
                        let operator = match mask {
                            Some(mask) => SeccompCmpOp::MaskedEq(mask.into()),
                            None => SeccompCmpOp::Eq,
                        };
                        SeccompCondition::new(arg, SeccompCmpArgLen::Dword, operator, value.into())
                    })
                    .collect::<Result<_, _>>()
                    .map_err(|error| format!("{}: {error}", rule.call))?;
                let rule = SeccompRule::new(conditions).map_err(|error| format!("{}: {error}", rule.call))?;
                // seccompiler's rule falls through to the instruction behind it when it matches, and jumps over that
                // one when not. It opens with a jump over a jump that only its own chains of rules have a use for,
                // and that leads out of ours.
                let rule = BpfProgram::from(rule);
                match rule.as_slice() {
                    [sock_filter { code: JUMP, k: 1, .. }, sock_filter { code: JUMP, .. }, conditions @ ..] => {
                        program.extend_from_slice(conditions);
                    }
                    other => return Err(format!("seccompiler made an unknown kind of rule: {other:?}")),
                }
                program.push(statement(RETURN, clause.answer.value()));
            }
        }
        program.push(statement(RETURN, rule.otherwise.value()));
        Ok(program)
    }

    /// Every combination of the conditions' values.
    fn expand(&self, conditions: &[Condition]) -> Result<Vec<Vec<Comparison>>, String> {
        let mut all = vec![Vec::new()];
        for condition in conditions {
            let values = match &condition.is {
                OneOrMore::One(value) => std::slice::from_ref(value),
                OneOrMore::More(values) => values,
            };
            let mask = condition.mask.as_ref().map(|mask| self.number(mask)).transpose()?;
            let mut longer = Vec::new();
            for start in &all {
                for value in values {
                    let mut with = start.clone();
                    with.push((condition.arg, mask, self.number(value)?));
                    longer.push(with);
                }
            }
            all = longer;
        }
        Ok(all)
    }

    /// The policy's answers, found without compiling anything: what tests compare programs with.
    pub fn table(&self, arch: Arch) -> Result<Table, String> {
        let decisions = self.decisions(arch)?.into_iter().map(|(number, decision)| {
            Ok(match decision {
                Decision::Answer(answer) => (number, (Vec::new(), answer)),
                Decision::Rule(rule) => {
                    let mut clauses = Vec::new();
                    for clause in &rule.when {
                        clauses.extend(self.expand(&clause.conditions)?.into_iter().map(|all| (all, clause.answer)));
                    }
                    (number, (clauses, rule.otherwise))
                }
            })
        });
        Ok(Table { decisions: decisions.collect::<Result<_, String>>()?, otherwise: self.otherwise })
    }
}

/// A comparison, with its numbers: argument, mask, value.
type Comparison = (u8, Option<u32>, u32);

/// What decides a call: the clauses in order, and the answer when none matches.
type Clauses = (Vec<(Vec<Comparison>, Answer)>, Answer);

/// A policy's answers on one architecture.
#[derive(Debug)]
pub struct Table {
    decisions: HashMap<u32, Clauses>,
    otherwise: Answer,
}

impl Table {
    /// The answer to a call.
    #[must_use]
    pub fn answer(&self, number: u32, arguments: &[u64; 6]) -> Answer {
        let Some((clauses, otherwise)) = self.decisions.get(&number) else { return self.otherwise };
        #[allow(clippy::cast_possible_truncation, reason = "rules look at 32 bits")]
        let holds = |&(argument, mask, value): &Comparison| {
            arguments[argument as usize] as u32 & mask.unwrap_or(u32::MAX) == value
        };
        clauses.iter().find(|(all, _)| all.iter().all(holds)).map_or(*otherwise, |(_, answer)| *answer)
    }
}

#[derive(Clone, Copy, Debug)]
enum Decision<'a> {
    Answer(Answer),
    Rule(&'a Rule),
}

/// From this number on, this holds.
type Range<'a> = (u32, Decision<'a>);

fn push<'a>(ranges: &mut Vec<Range<'a>>, from: u32, decision: Decision<'a>) {
    if let (Some((_, Decision::Answer(last))), Decision::Answer(this)) = (ranges.last(), decision)
        && *last == this
    {
        return;
    }
    ranges.push((from, decision));
}

/// The search tree. `links` gets the place of each jump to a rule, relative to the tree's end, to be filled in later.
fn search<'a>(ranges: &[Range<'a>], links: &mut Vec<(usize, &'a Rule)>) -> BpfProgram {
    if let [(_, decision)] = ranges {
        return match decision {
            Decision::Answer(answer) => vec![statement(RETURN, answer.value())],
            Decision::Rule(rule) => {
                links.push((1, rule));
                vec![statement(JUMP, 0)]
            }
        };
    }
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let mut low_links = Vec::new();
    let low = search(low, &mut low_links);
    let high_from = high[0].0;
    let high = search(high, links);
    links.extend(low_links.into_iter().map(|(from_end, rule)| (from_end + high.len(), rule)));
    let mut program = match u8::try_from(low.len()) {
        Ok(distance) => vec![jump(JUMP_GREATER_EQUAL, high_from, distance, 0)],
        // A conditional jump reaches 255 instructions; further on, an unconditional one is needed.
        Err(_) => {
            let distance = u32::try_from(low.len()).unwrap_or(u32::MAX);
            vec![jump(JUMP_GREATER_EQUAL, high_from, 0, 1), statement(JUMP, distance)]
        }
    };
    program.extend(low);
    program.extend(high);
    program
}

/// Turns distances from the tree's end into positions, in the order of the program.
fn resolve<'a>(links: Vec<(usize, &'a Rule)>, program: &[sock_filter]) -> Vec<(usize, &'a Rule)> {
    let mut positions: Vec<_> = links.into_iter().map(|(from_end, rule)| (program.len() - from_end, rule)).collect();
    positions.sort_by_key(|(position, _)| *position);
    positions
}

// Classic BPF, see linux/filter.h and linux/bpf_common.h.
const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_GREATER_EQUAL: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
const NUMBER_OFFSET: u32 = 0;
const ARCH_OFFSET: u32 = 4;

fn statement(code: u16, k: u32) -> sock_filter {
    jump(code, k, 0, 0)
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}
