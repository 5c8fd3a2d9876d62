//! A look at each message that passes: which calls are open, which promises are resolved, what must not pass at all.

use std::collections::HashMap;

use capnp_rpc::rpc_capnp::{cap_descriptor, message, message_target, promised_answer, resolve, return_};

use super::ApiLimits;
use super::message::Incoming;

/// How many steps a pipelined call may take into an answer.
const MAX_TRANSFORM: u32 = 64;
/// How many promises a connection may have resolved and not had released.
const MAX_PROMISES: usize = 100_000;

/// The calls of one grain that the library has an entry for, and the promises it was told of.
#[derive(Default)]
pub(super) struct Calls {
    open: HashMap<u32, Open>,
    unanswered: usize,
    /// Calls whose entry the library can never free.
    lost: usize,
    promises: HashMap<u32, PromiseState>,
}

#[derive(Default)]
struct Open {
    answered: bool,
    /// The results stay with us for a later `Return` of the grain; the library sends no answer.
    redirected: bool,
    /// A `Finish` that waits for the answer; the flag is its `releaseResultCaps`.
    finish: Option<bool>,
}

#[derive(Default)]
struct PromiseState {
    depth: u32,
    resolved: bool,
}

/// What is to be done with a message from the grain.
pub(super) enum Verdict {
    /// The library gets it.
    Pass {
        /// It is a call.
        is_call: bool,
        /// So many capabilities travel with it.
        capabilities: u32,
    },
    /// It is remembered here.
    Hold,
    /// The grain is disconnected, for this reason.
    Refuse(String),
}

impl Verdict {
    const PLAIN: Self = Self::Pass { is_call: false, capabilities: 0 };
}

/// What is to be done after a message to the grain.
#[derive(Default)]
pub(super) struct Sent {
    /// It is a call into the grain.
    pub(super) is_call: bool,
    /// A call of the grain has got its answer: this `Finish` is due now.
    pub(super) finish: Option<(u32, bool)>,
}

impl Calls {
    /// How many calls have no answer yet.
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// Looks at a message from the grain.
    pub(super) fn received(&mut self, incoming: &Incoming, limits: &ApiLimits) -> Verdict {
        match self.look(incoming, limits) {
            Ok(verdict) => verdict,
            Err(error) => Verdict::Refuse(format!("it sent a malformed message: {error}")),
        }
    }

    fn look(&mut self, incoming: &Incoming, limits: &ApiLimits) -> capnp::Result<Verdict> {
        let Ok(which) = incoming.root()?.which() else {
            // A newer protocol's message; the library answers "unimplemented".
            return Ok(Verdict::PLAIN);
        };
        Ok(match which {
            message::Bootstrap(bootstrap) => {
                self.begin(bootstrap?.get_question_id(), false);
                self.check_count(limits).unwrap_or(Verdict::PLAIN)
            }
            message::Call(call) => {
                let call = call?;
                let table = call.get_params()?.get_cap_table()?;
                if let Some(refused) = check_table(table, limits).or_else(|| check_target(call.get_target())) {
                    return Ok(refused);
                }
                let redirected = matches!(
                    call.get_send_results_to().which(),
                    Ok(capnp_rpc::rpc_capnp::call::send_results_to::Yourself(()))
                );
                self.begin(call.get_question_id(), redirected);
                let verdict = Verdict::Pass { is_call: true, capabilities: table.len() };
                self.check_count(limits).unwrap_or(verdict)
            }
            message::Return(answer) => match answer?.which() {
                Ok(return_::Results(results)) => {
                    let table = results?.get_cap_table()?;
                    check_table(table, limits).unwrap_or(Verdict::Pass { is_call: false, capabilities: table.len() })
                }
                _ => Verdict::PLAIN,
            },
            message::Finish(finish) => {
                let finish = finish?;
                self.finish(finish.get_question_id(), finish.get_release_result_caps())
            }
            message::Resolve(resolve) => self.resolve(resolve?, limits)?,
            message::Abort(abort) => {
                // Passed on it would keep the app's own type of error, and calls would not count as disconnected.
                let reason = abort?.get_reason()?.to_str().unwrap_or_default();
                Verdict::Refuse(format!("it gave up: {}", reason.chars().take(300).collect::<String>()))
            }
            message::Disembargo(disembargo) => check_target(disembargo?.get_target()).unwrap_or(Verdict::PLAIN),
            _ => Verdict::PLAIN,
        })
    }

    fn begin(&mut self, question: u32, redirected: bool) {
        // An id in use is left as it is: the library refuses the second call and ends the connection.
        self.open.entry(question).or_insert_with(|| {
            self.unanswered += 1;
            Open { redirected, ..Open::default() }
        });
    }

    fn check_count(&self, limits: &ApiLimits) -> Option<Verdict> {
        let unfinished = self.open.len() - self.unanswered + self.lost;
        (unfinished > limits.unfinished)
            .then(|| Verdict::Refuse(format!("it made {unfinished} calls and never finished them")))
    }

    fn finish(&mut self, question: u32, release: bool) -> Verdict {
        let Some(open) = self.open.get_mut(&question) else { return Verdict::PLAIN };
        if open.answered {
            self.open.remove(&question);
            Verdict::PLAIN
        } else if open.redirected {
            self.open.remove(&question);
            self.unanswered -= 1;
            self.lost += 1;
            Verdict::PLAIN
        } else {
            open.finish.get_or_insert(release);
            Verdict::Hold
        }
    }

    /// Follows chains of promises: circles would hang the library, long chains would overflow its stack when dropped.
    fn resolve(&mut self, resolve: resolve::Reader<'_>, limits: &ApiLimits) -> capnp::Result<Verdict> {
        let Ok(resolve::Cap(cap)) = resolve.which() else { return Ok(Verdict::PLAIN) };
        let cap = cap?;
        if let Some(refused) = check_descriptor(cap)? {
            return Ok(refused);
        }
        let Ok(cap_descriptor::SenderPromise(next)) = cap.which() else { return Ok(Verdict::PLAIN) };
        let promise = resolve.get_promise_id();
        if promise == next || self.promises.get(&next).is_some_and(|state| state.resolved) {
            return Ok(Verdict::Refuse("it resolved a promise to itself".to_owned()));
        }
        if self.promises.len() >= MAX_PROMISES {
            return Ok(Verdict::Refuse("it resolved too many promises".to_owned()));
        }
        let state = self.promises.entry(promise).or_default();
        state.resolved = true;
        let depth = state.depth + 1;
        if depth > limits.promise_chain {
            return Ok(Verdict::Refuse(format!("it resolved a promise to another one {depth} times over")));
        }
        let state = self.promises.entry(next).or_default();
        state.depth = state.depth.max(depth);
        Ok(Verdict::Pass { is_call: false, capabilities: 1 })
    }

    /// Looks at a message to the grain.
    pub(super) fn sent(&mut self, root: message::Reader<'_>) -> Sent {
        let mut sent = Sent::default();
        match root.which() {
            Ok(message::Call(_)) => sent.is_call = true,
            Ok(message::Return(Ok(answer))) => sent.finish = self.answered(&answer),
            Ok(message::Release(Ok(release))) => {
                // The library sends it when it forgets the import, whole; the id may mean another object afterwards.
                self.promises.remove(&release.get_id());
            }
            _ => {}
        }
        sent
    }

    fn answered(&mut self, answer: &return_::Reader<'_>) -> Option<(u32, bool)> {
        let question = answer.get_answer_id();
        let open = self.open.get_mut(&question).filter(|open| !open.answered)?;
        self.unanswered -= 1;
        open.answered = true;
        let finish = open.finish;
        if answer.get_no_finish_needed() {
            self.open.remove(&question);
            None
        } else if let Some(release) = finish {
            self.open.remove(&question);
            Some((question, release))
        } else {
            None
        }
    }
}

fn check_table(table: capnp::struct_list::Reader<'_, cap_descriptor::Owned>, limits: &ApiLimits) -> Option<Verdict> {
    if table.len() > limits.capabilities {
        let text =
            format!("it sent {} capabilities in one message; at most {} are allowed", table.len(), limits.capabilities);
        return Some(Verdict::Refuse(text));
    }
    table.iter().find_map(|descriptor| {
        check_descriptor(descriptor)
            .unwrap_or_else(|error| Some(Verdict::Refuse(format!("it sent a malformed capability: {error}"))))
    })
}

fn check_descriptor(descriptor: cap_descriptor::Reader<'_>) -> capnp::Result<Option<Verdict>> {
    match descriptor.which() {
        Ok(cap_descriptor::ReceiverAnswer(answer)) => check_transform(answer?),
        _ => Ok(None),
    }
}

fn check_target(target: capnp::Result<message_target::Reader<'_>>) -> Option<Verdict> {
    let check = || match target?.which() {
        Ok(message_target::PromisedAnswer(answer)) => check_transform(answer?),
        _ => Ok(None),
    };
    check().unwrap_or_else(|error: capnp::Error| Some(Verdict::Refuse(format!("it sent a malformed target: {error}"))))
}

fn check_transform(answer: promised_answer::Reader<'_>) -> capnp::Result<Option<Verdict>> {
    let steps = answer.get_transform()?.len();
    Ok((steps > MAX_TRANSFORM).then(|| Verdict::Refuse(format!("it sent a call with {steps} steps into an answer"))))
}
