//! Pure. Random lives of one object through all stages, with the promises as invariants.

use k8s_openapi::api::core::v1::Secret;
use proptest::prelude::*;
use serde_json::json;
use tidegate_contract::ErrorKind;

use crate::outcome::{Applied, Outcome, Written};
use crate::testing::*;
use crate::{
    Action, Env, Memory, Observed, Plan, Seed, TargetDigest, TargetView, Trigger, Urgency, diff,
    merge, plan, render, schedule, status,
};

/// Stands in every remote value; nothing that is told may have it.
const MARKER: &str = "MARKER-7f3a";

/// What the backend does in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    Holds(u8),
    Lacks { confirmed: bool },
    Fails(ErrorKind),
    Garbage,
}

impl Backend {
    fn answer(self) -> Answer {
        match self {
            Self::Holds(value) => answer(&format!(r#"{{"password":"{MARKER}-{value}"}}"#)),
            Self::Lacks { confirmed } => absent(confirmed),
            Self::Fails(kind) => failure(kind, "no answer"),
            Self::Garbage => answer(MARKER),
        }
    }
}

/// One object and its Secret, as an API server would keep them.
struct World {
    observed: Observed,
    live: Option<Secret>,
    texts: String,
}

impl World {
    /// With a template the value goes into another key and into a label as well.
    fn new(deletion: &str, creation: &str, templated: bool) -> Self {
        let mut target = json!({ "deletionPolicy": deletion, "creationPolicy": creation });
        if templated {
            let text = r#"{{ index . "password" }}"#;
            target["template"] = json!({
                "mergePolicy": "Merge",
                "type": "example.com/login",
                "metadata": { "labels": { "seen": text }, "finalizers": ["x.io/keep"] },
                "templateFrom": [{ "literal": format!("copy: '{text}'") }],
            });
        }
        Self {
            observed: simple(target),
            live: None,
            texts: String::new(),
        }
    }

    /// One pass; says whether the Secret was written and how urgent the status was.
    /// `lands` tells whether the watch shows the status before the next pass.
    fn pass(
        &mut self,
        trigger: Trigger,
        backend: Backend,
        lands: bool,
        env: &Env,
    ) -> (Written, Urgency) {
        self.observed.memory.trigger = trigger;
        self.observed.target = match &self.live {
            Some(live) => TargetView::Present(TargetDigest::from_secret(live).into()),
            None => TargetView::Absent,
        };
        let outcome = match plan(&self.observed, env) {
            Plan::Read(reads) => {
                let answers = reads.reads.iter().map(|_| backend.answer()).collect();
                match render(&self.observed, &reads, answers, env, Seed::new([7; 32])) {
                    Err(error) => Outcome::Failed(error),
                    Ok(rendered) => {
                        let change = diff(&rendered, &self.observed);
                        let applied = self.apply(&change.action);
                        change.conclude(Ok(applied))
                    }
                }
            }
            Plan::Idle(reason) => Outcome::Idle(reason),
            other => panic!("{other:?}"),
        };
        let report = status(&self.observed, &outcome, env);
        let next = schedule(&self.observed, &outcome, env);
        assert!(
            next.requeue.is_some() || next.poll.is_some(),
            "nobody looks again"
        );
        self.texts += &format!("{outcome:?} {report:?} {}", report.patch());
        self.observed.memory = Memory::after(&self.observed, &outcome, env);
        self.observed.memory.tell(&report);
        if lands {
            self.land();
        }
        let written = match outcome {
            Outcome::Synced(synced) => synced.written,
            _ => Written::Nothing,
        };
        (written, report.urgency)
    }

    /// What was told arrives at the API server and comes back by the watch.
    fn land(&mut self) {
        let Some(told) = self.observed.memory.told.clone() else {
            return;
        };
        self.observed
            .edit(|object| object.status = Some((*told).clone()));
        self.observed.memory.seen(Some(&*told), true);
        assert_eq!(self.observed.memory.told, None);
    }

    fn apply(&mut self, action: &Action) -> Applied {
        let action = match action {
            Action::Merge(intent) => merge(intent, self.live.as_ref()),
            other => other.clone(),
        };
        let manager = "externalsecrets.external-secrets.io/app";
        let (written, nothing) = match &action {
            Action::Create(intent) => {
                let created = serde_json::from_slice(intent.create_body().expose()).unwrap();
                self.live = Some(stored(created, manager));
                (Written::Created, None)
            }
            Action::Update(update) => {
                let updated = patched(self.live.as_ref().unwrap(), update);
                self.live = Some(stored(updated, manager));
                (Written::Updated, None)
            }
            Action::Delete(_) => {
                self.live = None;
                (Written::Deleted, None)
            }
            Action::Nothing(why) => (Written::Nothing, Some(*why)),
            Action::Refuse(_) | Action::Merge(_) => (Written::Nothing, None),
        };
        Applied {
            written,
            nothing,
            orphans_deleted: Vec::new(),
        }
    }

    fn password(&self) -> Option<String> {
        data(self.live.as_ref()?).get("password").cloned()
    }
}

fn backend() -> impl Strategy<Value = Backend> {
    prop_oneof![
        4 => (0u8..3).prop_map(Backend::Holds),
        2 => any::<bool>().prop_map(|confirmed| Backend::Lacks { confirmed }),
        1 => Just(Backend::Fails(ErrorKind::Denied)),
        1 => Just(Backend::Fails(ErrorKind::Unavailable)),
        1 => Just(Backend::Fails(ErrorKind::Throttled { after: None })),
        1 => Just(Backend::Garbage),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_promises_hold(
        deletion in proptest::sample::select(vec!["Retain", "Delete", "Merge"]),
        merges in any::<bool>(),
        templated in any::<bool>(),
        steps in proptest::collection::vec((backend(), 1u64..200, any::<bool>()), 1..20),
    ) {
        // Delete goes with Owner alone.
        let creation = if merges && deletion != "Delete" { "CreateOrMerge" } else { "Owner" };
        let mut world = World::new(deletion, creation, templated);
        let mut env = env();
        for (backend, minutes, lands) in steps {
            env.now += std::time::Duration::from_secs(60 * minutes);
            let before = world.live.clone();
            world.pass(Trigger::GroupChanged, backend, lands, &env);
            match backend {
                Backend::Holds(value) => {
                    let expected = Some(format!("{MARKER}-{value}"));
                    let copy = world.live.as_ref().and_then(|live| data(live).remove("copy"));
                    prop_assert_eq!(copy, expected.clone().filter(|_| templated));
                    prop_assert_eq!(world.password(), expected);
                }
                // P1: nothing goes on an error, nor on an absence that nobody confirmed.
                Backend::Fails(_) | Backend::Garbage => prop_assert_eq!(&world.live, &before),
                Backend::Lacks { confirmed: false } if before.is_some() => {
                    prop_assert_eq!(&world.live, &before);
                }
                Backend::Lacks { .. } => match deletion {
                    "Retain" => prop_assert_eq!(&world.live, &before),
                    "Delete" => prop_assert!(world.live.is_none()),
                    _ => prop_assert_eq!(world.password(), None),
                },
            }
            // P3: the same answer again writes nothing and tells nothing new.
            let (written, urgency) = world.pass(Trigger::GroupChanged, backend, lands, &env);
            prop_assert_eq!(written, Written::Nothing, "{:?}", backend);
            prop_assert_eq!(urgency, Urgency::None, "{:?}", backend);
            // P8: a process that starts now finds nothing to do for a healthy object.
            if matches!(backend, Backend::Holds(_)) {
                world.land();
                let memory = std::mem::take(&mut world.observed.memory);
                let (written, urgency) = world.pass(Trigger::First, backend, true, &env);
                prop_assert_eq!((written, urgency), (Written::Nothing, Urgency::None));
                world.observed.memory = memory;
            }
        }
        prop_assert!(!world.texts.contains(MARKER), "a value was told");
    }
}
