//! Pure. The rotation as a state machine: every history with crashes, servers that lag and
//! writers at work keeps every object readable for every server.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::config::{Cipher, Rule, make, parse};

const SOAK: SignedDuration = SignedDuration::from_hours(24);

fn local(cipher: Cipher, name: &str, byte: u8) -> Provider {
    make::local(cipher, name.to_owned(), Zeroizing::new(vec![byte; 32]))
}

fn at(hours: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
}

/// A cluster in small: a file, servers with what they loaded, objects with who wrote them.
struct World {
    file: Configuration,
    record: Option<Record>,
    servers: Vec<Configuration>,
    objects: BTreeMap<u8, Writer>,
    clock: i64,
    new: Provider,
}

impl World {
    fn new(from: Option<Provider>, new: Provider, servers: usize) -> Self {
        let resources = vec!["secrets".to_owned()];
        let file = match from {
            Some(provider) => make::first(resources, provider),
            None => Configuration {
                rules: vec![Rule {
                    resources,
                    providers: vec![Provider::Identity],
                }],
            },
        };
        Self {
            servers: vec![file.clone(); servers],
            file,
            record: None,
            objects: BTreeMap::new(),
            clock: 0,
            new,
        }
    }

    fn write(&mut self, server: usize, object: u8) {
        let server = server % self.servers.len();
        self.objects
            .insert(object, self.servers[server].rules[0].writer());
    }

    fn load(&mut self, server: usize) {
        let server = server % self.servers.len();
        self.servers[server] = self.file.clone();
    }

    /// One look and one step; with `crash` the step ends after the record was written and before
    /// the file was.
    fn step(&mut self, crash: bool) -> Step {
        let text = self.file.to_yaml();
        let file = hash(text.as_bytes());
        let stage = match &self.record {
            Some(record) => record.stage(&file).expect("nobody else changes the file"),
            None => Stage::Base,
        };
        let servers: Vec<(String, Loaded)> = self
            .servers
            .iter()
            .map(|loaded| {
                let same = *loaded == self.file;
                let loaded = if same {
                    Loaded::Yes
                } else {
                    Loaded::No("older".to_owned())
                };
                (String::new(), loaded)
            })
            .collect();
        let writer = self.file.rules[0].writer();
        let count = |test: &dyn Fn(&Writer) -> bool| {
            self.objects.values().filter(|one| test(one)).count() as u64
        };
        let readers = self.file.rules[0].readers();
        let seen = Seen {
            rewritable: count(&|one| *one != writer && readers.contains(one)),
            failed: count(&|one| !readers.contains(one)),
        };
        let observed = Observed {
            stage,
            record: self.record.as_ref(),
            servers: &servers,
            seen: Some(seen),
            soak: SOAK,
            now: at(self.clock),
        };
        let step = next(&observed);
        self.act(&step, text.as_bytes(), crash);
        step
    }

    fn act(&mut self, step: &Step, file: &[u8], crash: bool) {
        match step {
            Step::Add => {
                let plan = plan(file, &self.file, &self.new).unwrap();
                self.record = Some(Record {
                    version: Record::VERSION,
                    cluster: String::new(),
                    new: plan.new.to_string(),
                    old: Vec::new(),
                    resources: plan.resources,
                    hashes: plan.hashes,
                    changed: at(self.clock),
                    rewritten: None,
                    verified: None,
                });
                if !crash {
                    self.file = plan.added;
                }
            }
            Step::Promote | Step::Drop => {
                let to = if *step == Step::Drop {
                    Stage::Dropped
                } else {
                    Stage::Promoted
                };
                let record = self.record.as_ref().unwrap();
                let next = advance(record, &self.file, to).unwrap();
                if !crash {
                    self.file = next;
                }
            }
            Step::Rewrite => {
                let keys: Vec<u8> = self.objects.keys().copied().collect();
                // A crash leaves half of it.
                let most = if crash { keys.len() / 2 } else { keys.len() };
                for key in keys.into_iter().take(most) {
                    self.write(0, key);
                }
            }
            Step::Proven if !crash => {
                self.record.as_mut().unwrap().verified = Some(at(self.clock));
            }
            _ => {}
        }
    }

    /// No server may ever meet a value that it cannot read.
    fn readable(&self) -> bool {
        self.servers.iter().all(|server| {
            let readers = server.rules[0].readers();
            self.objects.values().all(|writer| readers.contains(writer))
        })
    }
}

#[derive(Debug, Clone)]
enum Event {
    Step { crash: bool },
    Load(usize),
    Write(usize, u8),
    Hours(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => any::<bool>().prop_map(|crash| Event::Step { crash }),
        3 => (0..3_usize).prop_map(Event::Load),
        3 => (0..3_usize, 0..20_u8).prop_map(|(server, object)| Event::Write(server, object)),
        1 => (1..30_i64).prop_map(Event::Hours),
    ]
}

proptest! {
    #[test]
    fn every_history_keeps_every_object_readable_and_comes_to_an_end(
        events in proptest::collection::vec(event(), 0..80),
        servers in 1..4_usize,
        from in 0..4_usize,
    ) {
        // None of the ciphers is plaintext.
        let from = Cipher::ALL.get(from).map(|cipher| local(*cipher, "old", 1));
        let mut world = World::new(from, local(Cipher::Secretbox, "new", 2), servers);
        for event in events {
            match event {
                Event::Step { crash } => {
                    let step = world.step(crash);
                    prop_assert!(!matches!(step, Step::Refuse(_)), "{step:?}");
                }
                Event::Load(server) => world.load(server),
                Event::Write(server, object) => world.write(server, object),
                Event::Hours(hours) => world.clock += hours,
            }
            prop_assert!(world.readable(), "an object that a server cannot read");
        }
        for _ in 0..40 {
            (0..servers).for_each(|server| world.load(server));
            if world.step(false) == Step::Done {
                let writers: Vec<String> =
                    world.objects.values().map(ToString::to_string).collect();
                prop_assert!(writers.iter().all(|writer| writer == "secretbox:v1:new"));
                let readers = world.file.rules[0].readers();
                prop_assert_eq!(readers.len(), 1, "the old key and identity are gone");
                return Ok(());
            }
            world.clock += 5;
        }
        prop_assert!(false, "the rotation does not end");
    }
}

#[test]
fn the_drop_waits_for_the_soak_and_for_a_clean_etcd() {
    let mut world = World::new(
        Some(local(Cipher::AesCbc, "old", 1)),
        local(Cipher::Secretbox, "new", 2),
        2,
    );
    world.write(0, 1);
    let go = |world: &mut World| {
        (0..2).for_each(|server| world.load(server));
        world.step(false)
    };
    assert_eq!(go(&mut world), Step::Add);
    assert_eq!(go(&mut world), Step::Promote);
    assert_eq!(go(&mut world), Step::Rewrite);
    assert_eq!(go(&mut world), Step::Proven);
    assert_eq!(go(&mut world), Step::Soak(at(24)));
    world.clock = 24;
    // Somebody restored an old value meanwhile: it is rewritten, not lost.
    let old = Writer::Local(Cipher::AesCbc, "old".to_owned());
    world.objects.insert(9, old);
    assert_eq!(go(&mut world), Step::Rewrite);
    assert_eq!(go(&mut world), Step::Drop);
    assert_eq!(go(&mut world), Step::Done);
}

#[test]
fn a_server_that_lags_stops_every_step() {
    let mut world = World::new(
        Some(local(Cipher::AesCbc, "old", 1)),
        local(Cipher::Secretbox, "new", 2),
        2,
    );
    assert_eq!(world.step(false), Step::Add);
    world.load(0);
    for _ in 0..3 {
        assert!(matches!(world.step(false), Step::Wait(behind) if behind.len() == 1));
    }
}

#[test]
fn a_file_that_somebody_changed_has_no_stage_and_broken_records_are_told() {
    let mut world = World::new(None, local(Cipher::Secretbox, "new", 2), 1);
    world.step(false);
    let record = world.record.unwrap();
    assert_eq!(record.stage("sha256:else"), None);
    let bytes = serde_json::to_vec(&record).unwrap();
    assert_eq!(Record::read(&bytes), Ok(record));
    for broken in [&b""[..], b"{}", b"\xff\xff", &bytes[..30]] {
        assert!(Record::read(broken).is_err());
    }
}

#[test]
fn plans_that_cannot_be_safe_are_refused() {
    let refuse = |resource: &str, name: &str, part: &str| {
        let config = make::first(
            vec![resource.to_owned()],
            local(Cipher::Secretbox, "old", 1),
        );
        let text = config.to_yaml();
        let config = parse(text.as_bytes(), true).unwrap();
        let told = plan(text.as_bytes(), &config, &local(Cipher::Secretbox, name, 2));
        let told = told.unwrap_err();
        assert!(told.contains(part), "{told}");
    };
    refuse("*.*", "new", "name each");
    refuse("secrets", "old", "use a new name");
}
