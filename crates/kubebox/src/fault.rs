//! Pure. Faults on order: a typed, seeded schedule of what goes wrong for which requests.

use std::time::Duration;

use crate::engine::{ApiError, Ids, Verb};
use crate::record::RequestRecord;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// 409 Conflict, as if somebody else had written in between.
    Conflict,
    /// 410 Expired; a watch is refused with it before it starts.
    Expired,
    /// 429 with `Retry-After` in whole seconds.
    TooManyRequests {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// Any 5xx.
    Status(u16),
    /// The request is answered later.
    Latency(Duration),
    /// The connection breaks before anything is done.
    Reset,
    /// Everything is done, then the connection breaks: the client cannot know.
    LoseAnswer,
    /// The watch breaks off after a while.
    DropWatch(Duration),
    /// The watch gives each event this much later.
    LagWatch(Duration),
}

/// Which requests a fault strikes, and how often.
#[derive(Clone, Debug)]
pub struct FaultRule {
    fault: Fault,
    verbs: Vec<Verb>,
    resource: Option<String>,
    subresource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    skip: u64,
    times: Option<u64>,
    probability: f64,
}

impl FaultRule {
    /// A rule that strikes every request.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            verbs: Vec::new(),
            resource: None,
            subresource: None,
            namespace: None,
            name: None,
            skip: 0,
            times: None,
            probability: 1.0,
        }
    }

    /// Only this verb; more calls allow more verbs.
    #[must_use]
    pub fn verb(mut self, verb: Verb) -> Self {
        self.verbs.push(verb);
        self
    }

    /// Only this resource, by its plural.
    #[must_use]
    pub fn resource(mut self, plural: &str) -> Self {
        self.resource = Some(plural.to_owned());
        self
    }

    /// Only this subresource; the empty name means none.
    #[must_use]
    pub fn subresource(mut self, name: &str) -> Self {
        self.subresource = Some(name.to_owned());
        self
    }

    /// Only this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Only the object of this name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Spares the first matching requests.
    #[must_use]
    pub fn after(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Strikes at most this often.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Strikes with this probability, from 0 to 1.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }

    fn matches(&self, request: &RequestRecord) -> bool {
        let is = |wanted: &Option<String>, actual: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == actual)
        };
        (self.verbs.is_empty() || self.verbs.contains(&request.verb))
            && is(&self.resource, &request.resource)
            && is(&self.subresource, &request.subresource)
            && is(&self.namespace, &request.namespace)
            && is(&self.name, &request.name)
    }
}

/// The rules in force, and what they have done.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<Armed>,
    ids: Ids,
}

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    seen: u64,
    struck: u64,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            ids: Ids::new(seed ^ 0xfa17),
        }
    }

    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push(Armed {
            rule,
            seen: 0,
            struck: 0,
        });
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// How often each rule has struck, in the order they were added.
    pub(crate) fn struck(&self) -> Vec<u64> {
        self.rules.iter().map(|armed| armed.struck).collect()
    }

    /// The faults that strike a request.
    pub(crate) fn strike(&mut self, request: &RequestRecord) -> Strike {
        let mut strike = Strike::default();
        for armed in &mut self.rules {
            if !armed.rule.matches(request) {
                continue;
            }
            armed.seen += 1;
            let spent = armed.rule.times.is_some_and(|times| armed.struck >= times);
            if armed.seen <= armed.rule.skip || spent {
                continue;
            }
            if armed.rule.probability < 1.0 && self.ids.fraction() >= armed.rule.probability {
                continue;
            }
            if strike.take(&armed.rule.fault, request) {
                armed.struck += 1;
            }
        }
        strike
    }
}

/// What happens to one request.
#[derive(Debug, Default)]
pub(crate) struct Strike {
    pub(crate) latency: Duration,
    /// Answered instead of doing anything.
    pub(crate) error: Option<ApiError>,
    pub(crate) reset: bool,
    pub(crate) lose_answer: bool,
    pub(crate) drop_watch: Option<Duration>,
    pub(crate) lag: Duration,
}

impl Strike {
    pub(crate) fn any(&self) -> bool {
        self.error.is_some()
            || self.reset
            || self.lose_answer
            || self.drop_watch.is_some()
            || !self.latency.is_zero()
            || !self.lag.is_zero()
    }

    /// Adds a fault; of several answers the first wins, and watch faults strike watches only.
    fn take(&mut self, fault: &Fault, request: &RequestRecord) -> bool {
        let watch = request.verb == Verb::Watch;
        let answered = self.error.is_some() || self.reset;
        let error = match fault {
            Fault::Latency(time) => {
                self.latency += *time;
                return true;
            }
            Fault::DropWatch(time) if watch => {
                self.drop_watch = Some(*time);
                return true;
            }
            Fault::LagWatch(time) if watch => {
                self.lag += *time;
                return true;
            }
            Fault::DropWatch(_) | Fault::LagWatch(_) => return false,
            _ if answered => return false,
            Fault::Reset => {
                self.reset = true;
                return true;
            }
            Fault::LoseAnswer => {
                self.lose_answer = true;
                return true;
            }
            Fault::Conflict => ApiError::stale(request.named(), &request.name),
            Fault::Expired => ApiError::expired("too old resource version: injected fault", None),
            Fault::TooManyRequests { retry_after } => ApiError::too_many_requests(*retry_after),
            Fault::Status(code) => ApiError::server(*code),
        };
        self.error = Some(error);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(resource: &str) -> RequestRecord {
        RequestRecord {
            verb: Verb::Patch,
            resource: resource.into(),
            ..RequestRecord::default()
        }
    }

    #[test]
    fn rules_count_skip_and_match() {
        let mut faults = Faults::new(1);
        let rule = FaultRule::new(Fault::Conflict)
            .verb(Verb::Patch)
            .resource("secrets");
        faults.add(rule.after(1).times(2));
        let codes: Vec<Option<u16>> = (0..5)
            .map(|_| faults.strike(&patch("secrets")).error.map(|e| e.code()))
            .collect();
        assert_eq!(codes, [None, Some(409), Some(409), None, None]);
        assert!(!faults.strike(&patch("configmaps")).any());
        assert_eq!(faults.struck(), [2]);
    }

    #[test]
    fn probability_repeats_by_seed() {
        let run = |seed| -> Vec<bool> {
            let mut faults = Faults::new(seed);
            faults.add(FaultRule::new(Fault::Reset).probability(0.3));
            (0..1000)
                .map(|_| faults.strike(&patch("x")).reset)
                .collect()
        };
        let hits = run(5).iter().filter(|hit| **hit).count();
        assert!((200..400).contains(&hits), "{hits}");
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }

    #[test]
    fn watch_faults_spare_other_requests() {
        let mut faults = Faults::new(1);
        faults.add(FaultRule::new(Fault::DropWatch(Duration::from_secs(1))));
        assert!(!faults.strike(&patch("x")).any());
        let watch = RequestRecord {
            verb: Verb::Watch,
            ..RequestRecord::default()
        };
        assert!(faults.strike(&watch).drop_watch.is_some());
        assert_eq!(faults.struck(), [1]);
    }
}
