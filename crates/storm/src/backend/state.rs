//! Pure. What the backend holds and answers: generations of values, a token bucket, counts.

use std::time::Duration;

use serde_json::{Value, json};

use crate::load::Load;

/// Seconds that are counted one by one; later calls count into the last.
const MAX_SECONDS: usize = 7 * 24 * 3600;

/// How the backend behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// Answers.
    Serve,
    /// Answers as far as a token bucket allows, and 429 beyond.
    Limited {
        /// Calls a second.
        rate: f64,
        /// Calls at once.
        burst: f64,
    },
    /// Breaks connections off.
    Refuse,
    /// Accepts and never answers.
    Hang,
}

/// What becomes of one call.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A status and a JSON body.
    Answer(u16, String),
    /// Push-back: 429 with this many seconds in `Retry-After`.
    Later(u64),
    /// Nothing, as long as the mode lasts.
    Never,
}

/// Calls by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// All calls.
    pub calls: usize,
    /// Reads of values that were answered.
    pub reads: usize,
    /// Reads of paths that hold nothing.
    pub absent: usize,
    /// Logins that were answered.
    pub logins: usize,
    /// Look-ups and renewals of tokens: how a store is validated.
    pub tokens: usize,
    /// Answers with push-back.
    pub throttled: usize,
    /// Calls that were left without an answer.
    pub hung: usize,
    /// Anything else.
    pub other: usize,
}

impl Tally {
    /// What was counted since an earlier tally.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            calls: self.calls - before.calls,
            reads: self.reads - before.reads,
            absent: self.absent - before.absent,
            logins: self.logins - before.logins,
            tokens: self.tokens - before.tokens,
            throttled: self.throttled - before.throttled,
            hung: self.hung - before.hung,
            other: self.other - before.other,
        }
    }
}

/// The values and the counts.
#[derive(Debug)]
pub struct State {
    load: Load,
    mode: Mode,
    keys: Vec<Key>,
    tally: Tally,
    seconds: Vec<(u32, u32)>,
    tokens: f64,
    filled: Duration,
}

#[derive(Debug, Clone, Default)]
struct Key {
    generation: u32,
    first_read: Option<Duration>,
    reads: usize,
}

/// Vault's shape of an error.
#[must_use]
pub fn errors(text: &str) -> String {
    json!({ "errors": [text] }).to_string()
}

impl State {
    /// Every key holds generation 1.
    #[must_use]
    pub fn new(load: Load) -> Self {
        let key = Key {
            generation: 1,
            ..Key::default()
        };
        Self {
            keys: vec![key; load.keys],
            load,
            mode: Mode::Serve,
            tally: Tally::default(),
            seconds: Vec::new(),
            tokens: 0.0,
            filled: Duration::ZERO,
        }
    }

    /// The mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Changes the mode; a bucket begins full.
    pub fn set(&mut self, mode: Mode) {
        self.mode = mode;
        if let Mode::Limited { burst, .. } = mode {
            self.tokens = burst;
        }
    }

    /// Counts so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Calls and throttled answers by second.
    #[must_use]
    pub fn seconds(&self) -> &[(u32, u32)] {
        &self.seconds
    }

    /// Gives a key its next generation.
    pub fn rotate(&mut self, key: usize) -> u32 {
        let Some(key) = self.keys.get_mut(key) else {
            return 0;
        };
        *key = Key {
            generation: key.generation + 1,
            ..Key::default()
        };
        key.generation
    }

    /// When the newest generation of a key was first read, and how often since.
    #[must_use]
    pub fn read_since_rotation(&self, key: usize) -> (Option<Duration>, usize) {
        let key = self.keys.get(key);
        key.map_or((None, 0), |key| (key.first_read, key.reads))
    }

    /// Answers one call.
    pub fn call(&mut self, method: &str, path: &str, now: Duration) -> Reply {
        self.tally.calls += 1;
        let second = usize::try_from(now.as_secs()).unwrap_or(MAX_SECONDS);
        let second = second.min(MAX_SECONDS - 1);
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, (0, 0));
        }
        self.seconds[second].0 += 1;
        // A copy: the bucket is taken from while the mode is looked at.
        let mode = self.mode;
        match mode {
            Mode::Hang => {
                self.tally.hung += 1;
                return Reply::Never;
            }
            Mode::Refuse => return Reply::Answer(503, errors("Vault is sealed")),
            Mode::Limited { rate, burst } if !self.take(rate, burst, now) => {
                self.tally.throttled += 1;
                self.seconds[second].1 += 1;
                return Reply::Later(1);
            }
            Mode::Limited { .. } | Mode::Serve => {}
        }
        self.serve(method, path, now)
    }

    fn take(&mut self, rate: f64, burst: f64, now: Duration) -> bool {
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.filled = self.filled.max(now);
        self.tokens = passed.mul_add(rate, self.tokens).min(burst);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }

    fn serve(&mut self, method: &str, path: &str, now: Duration) -> Reply {
        let Some(path) = path.strip_prefix("/v1/") else {
            return self.unknown();
        };
        match (method, path) {
            ("POST" | "PUT", "auth/approle/login") => {
                self.tally.logins += 1;
                let auth = json!({ "client_token": "storm", "accessor": "storm",
                    "policies": ["default"], "token_policies": ["default"], "metadata": null,
                    "lease_duration": 86400, "renewable": true, "entity_id": "",
                    "token_type": "service", "orphan": true });
                answer(&Value::Null, &auth)
            }
            ("GET", "auth/token/lookup-self") => {
                self.tally.tokens += 1;
                let data = json!({ "id": "storm", "ttl": 86400, "renewable": true,
                    "policies": ["default"], "type": "service" });
                answer(&data, &Value::Null)
            }
            ("POST" | "PUT", "auth/token/renew-self") => {
                self.tally.tokens += 1;
                let auth = json!({ "client_token": "storm", "lease_duration": 86400,
                    "renewable": true, "policies": ["default"] });
                answer(&Value::Null, &auth)
            }
            ("POST" | "PUT", "auth/token/revoke-self") => {
                self.tally.tokens += 1;
                Reply::Answer(204, String::new())
            }
            ("GET", path) => match path.strip_prefix("secret/data/") {
                Some(path) => self.read(path, now),
                None => self.unknown(),
            },
            _ => self.unknown(),
        }
    }

    fn read(&mut self, path: &str, now: Duration) -> Reply {
        let number = self.load.key_at(path);
        let found = number.and_then(|number| Some((number, self.keys.get_mut(number)?)));
        let Some((number, key)) = found else {
            self.tally.absent += 1;
            return Reply::Answer(404, json!({ "errors": [] }).to_string());
        };
        key.first_read.get_or_insert(now);
        key.reads += 1;
        self.tally.reads += 1;
        let value = |property| Load::value(number, key.generation, property);
        let data = json!({
            "data": { "a": value("a"), "b": value("b") },
            "metadata": { "created_time": "2026-01-01T00:00:00Z", "custom_metadata": null,
                          "deletion_time": "", "destroyed": false, "version": key.generation },
        });
        answer(&data, &Value::Null)
    }

    fn unknown(&mut self) -> Reply {
        self.tally.other += 1;
        Reply::Answer(404, errors("no handler for route"))
    }
}

fn answer(data: &Value, auth: &Value) -> Reply {
    let body = json!({ "request_id": "storm", "lease_id": "", "renewable": false,
        "lease_duration": 0, "data": data, "wrap_info": null, "warnings": null, "auth": auth });
    Reply::Answer(200, body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State::new(Load {
            run: "t".into(),
            objects: 10,
            namespaces: 1,
            keys: 3,
            shared: 0,
            nodes: 0,
            mounts: 0,
            refresh: Duration::from_secs(60),
            class: String::new(),
            values: crate::store::Store::Ours,
        })
    }

    fn code(reply: &Reply) -> u16 {
        match reply {
            Reply::Answer(code, _) => *code,
            Reply::Later(_) => 429,
            Reply::Never => 0,
        }
    }

    #[test]
    fn values_have_generations_and_reads_are_counted_from_the_rotation() {
        let mut state = state();
        let at = Duration::from_secs;
        let path = "/v1/secret/data/storm/t/2";
        let Reply::Answer(200, body) = state.call("GET", path, at(1)) else {
            panic!("no answer");
        };
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["data"]["data"]["a"], "g1.k2.a");
        assert_eq!(body["data"]["metadata"]["version"], 1);
        assert_eq!(state.rotate(2), 2);
        assert_eq!(state.read_since_rotation(2), (None, 0));
        for second in [5, 6] {
            assert_eq!(code(&state.call("GET", path, at(second))), 200);
        }
        assert_eq!(state.read_since_rotation(2), (Some(at(5)), 2));
        assert_eq!(
            code(&state.call("GET", "/v1/secret/data/storm/t/9", at(6))),
            404
        );
        assert_eq!(state.rotate(9), 0);
        let tally = state.tally();
        assert_eq!((tally.calls, tally.reads, tally.absent), (4, 3, 1));
        assert_eq!(state.seconds()[6], (2, 0));
    }

    #[test]
    fn the_bucket_pushes_back_and_fills_again() {
        let mut state = state();
        let at = Duration::from_secs;
        state.set(Mode::Limited {
            rate: 2.0,
            burst: 3.0,
        });
        let mut ask = |second| code(&state.call("POST", "/v1/auth/approle/login", at(second)));
        assert_eq!([ask(0), ask(0), ask(0), ask(0)], [200, 200, 200, 429]);
        assert_eq!([ask(1), ask(1), ask(1)], [200, 200, 429]);
        assert_eq!(state.tally().throttled, 2);
        assert_eq!(state.seconds(), [(4, 1), (3, 1)]);
    }

    #[test]
    fn modes_answer_in_their_way() {
        let mut state = state();
        let now = Duration::ZERO;
        let path = "/v1/auth/token/lookup-self";
        state.set(Mode::Hang);
        assert_eq!(state.call("GET", path, now), Reply::Never);
        state.set(Mode::Refuse);
        assert_eq!(code(&state.call("GET", path, now)), 503);
        state.set(Mode::Serve);
        assert_eq!(code(&state.call("GET", path, now)), 200);
        assert_eq!(code(&state.call("GET", "/v1/sys/mounts", now)), 404);
        assert_eq!(
            code(&state.call("DELETE", "/v1/secret/data/storm/t/0", now)),
            404
        );
        let before = Tally::default();
        let tally = state.tally().since(&before);
        assert_eq!((tally.hung, tally.tokens, tally.other), (1, 1, 2));
    }
}
