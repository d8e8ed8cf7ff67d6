//! Pure. Tests of the board: waves, late objects, nodes, and what does not count.

use super::*;

fn board() -> Board {
    Board::new(Load {
        run: "t".into(),
        objects: 4,
        namespaces: 2,
        keys: 2,
        shared: 2,
        nodes: 2,
        mounts: 3,
        refresh: Duration::from_secs(60),
        class: String::new(),
        values: crate::store::Store::Ours,
    })
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_wave_is_complete_when_secrets_statuses_and_nodes_are() {
    let mut board = board();
    board.begin(at(10), |_| true);
    for object in 0..4 {
        board.secret(object, 1, at(12));
        assert!(!board.progress().complete());
        board.status(object, true, 7, at(13));
    }
    assert!(board.progress().written() && !board.progress().complete());
    for node in 0..2 {
        for slot in 0..3 {
            board.mounted(node, slot, 1, at(14));
        }
    }
    assert!(board.progress().complete());
    assert_eq!(board.secrets().percentile(1.0), Some(2.0));
    assert_eq!(board.ready().percentile(1.0), Some(3.0));
    assert_eq!(
        (board.nodes().len(), board.nodes().percentile(0.5)),
        (6, Some(4.0))
    );
    assert_eq!(board.standing(), (4, 4, 6));
}

#[test]
fn an_old_value_or_an_old_status_does_not_count() {
    let mut board = board();
    board.secret(0, 1, at(1));
    board.status(0, true, 7, at(1));
    board.want(0, 2);
    board.begin(at(10), |object| object < 2);
    board.secret(0, 1, at(11));
    board.status(0, true, 7, at(11));
    board.status(1, false, 8, at(11));
    let progress = board.progress();
    assert_eq!(
        (progress.objects, progress.secrets, progress.ready),
        (2, 0, 0)
    );
    assert_eq!(board.late(1), [0]);
    board.secret(0, 2, at(12));
    board.status(0, true, 9, at(15));
    board.secret(0, 2, at(20));
    assert_eq!(board.secrets().values(), [2.0]);
    assert_eq!(board.ready().values(), [5.0]);
    assert_eq!(board.late(9), [1]);
}

#[test]
fn objects_join_with_a_time_of_their_own() {
    let mut board = board();
    board.begin(at(0), |_| false);
    board.join(5, at(7));
    board.secret(5, 1, at(8));
    board.status(5, true, 1, at(9));
    assert!(board.progress().complete());
    assert_eq!(board.secrets().values(), [1.0]);
    board.secret_gone(5);
    assert_eq!(board.standing().0, 0);
    board.secret(77, 1, at(9));
    board.mounted(9, 9, 1, at(9));
}
