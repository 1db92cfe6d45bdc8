//! On real sockets: in order, whole, and never to somebody else.

use super::*;
use socket2::Socket;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::task::LocalSet;

fn pair() -> (Gathered<UnixStream>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Gathered::new(ours), theirs)
}

/// With a thread that gathers.
async fn gathering(test: impl Future<Output = ()>) {
    if Ring::new().is_err() {
        return;
    }
    let tasks = LocalSet::new();
    tasks.spawn_local(gather());
    // The task is polled before the test is.
    tasks.run_until(async { tokio::task::yield_now().await }).await;
    tasks.run_until(test).await;
}

fn bytes(text: &str) -> BytesMut {
    BytesMut::from(text)
}

async fn read(stream: &mut UnixStream, text: &str) {
    let mut read = vec![0; text.len()];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(std::str::from_utf8(&read).unwrap(), text);
}

#[tokio::test]
async fn what_is_given_in_one_turn_arrives_in_order() {
    gathering(async {
        let mut pairs: Vec<_> = std::iter::repeat_with(pair).take(3 * MOST + 5).collect();
        for round in 0..3 {
            for (number, (ours, _)) in pairs.iter_mut().enumerate() {
                for part in ["a", "b"] {
                    let mut text = bytes(&format!("{part}{round}:{number};"));
                    assert!(ours.send_soon(&mut text, Waker::noop()));
                    assert!(text.is_empty());
                }
            }
            for (number, (ours, theirs)) in pairs.iter_mut().enumerate() {
                read(theirs, &format!("a{round}:{number};b{round}:{number};")).await;
                assert!(ours.is_settled());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_full_socket_did_not_take_comes_back_and_its_task_is_woken() {
    gathering(async {
        let ((mut slow, mut reader), (mut other, mut theirs)) = (pair(), pair());
        let much = vec![b'x'; 4 << 20];
        let filled = slow.get_ref().try_write(&much).unwrap();
        let mut sent = 0;
        let woken = poll_fn(|cx| {
            if !slow.has_left_over() {
                if sent > 0 {
                    return Poll::Pending;
                }
                sent += 1;
                assert!(slow.send_soon(&mut bytes("what is left"), cx.waker()));
                assert!(other.send_soon(&mut bytes("all"), cx.waker()));
                return Poll::Pending;
            }
            Poll::Ready(())
        });
        woken.await;
        read(&mut theirs, "all").await;
        // Nothing goes past what is left.
        assert!(!slow.send_soon(&mut bytes("more"), Waker::noop()));
        let mut back = bytes(", and more");
        slow.take_back(&mut back).unwrap();
        assert_eq!(&*back, b"what is left, and more");
        assert!(slow.is_settled());
        reader.read_exact(&mut vec![0; filled]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn whoever_is_gone_is_an_error_of_its_own_stream_alone() {
    gathering(async {
        let ((mut lost, gone), (mut other, mut theirs)) = (pair(), pair());
        drop(gone);
        assert!(lost.send_soon(&mut bytes("lost"), Waker::noop()));
        assert!(other.send_soon(&mut bytes("kept"), Waker::noop()));
        read(&mut theirs, "kept").await;
        assert!(lost.has_left_over());
        assert_eq!(lost.take_back(&mut BytesMut::new()).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    })
    .await;
}

/// The next socket has the same descriptor: it must not get what was meant for the one before.
#[tokio::test]
async fn bytes_of_a_stream_that_is_closed_reach_its_own_peer_or_nobody() {
    gathering(async {
        for last_words in [true, false] {
            let (mut ours, mut theirs) = pair();
            let number = ours.get_ref().as_raw_fd();
            assert!(ours.send_soon(&mut bytes("for the first"), Waker::noop()));
            if last_words {
                drop(ours);
            } else {
                ours.take_back(&mut BytesMut::new()).unwrap();
                drop(ours.into_inner());
            }
            let (mut next, mut other) = pair();
            let reused = [&next.get_ref().as_raw_fd(), &other.as_raw_fd()].contains(&&number);
            assert!(reused, "the test is about the same descriptor");
            assert!(next.send_soon(&mut bytes("for the second"), Waker::noop()));
            read(&mut other, "for the second").await;
            let mut rest = String::new();
            theirs.read_to_string(&mut rest).await.unwrap();
            assert_eq!(rest, if last_words { "for the first" } else { "" });
        }
    })
    .await;
}

#[tokio::test]
async fn dropped_on_another_thread_with_bytes_waiting_it_stays_open() {
    gathering(async {
        let (mut ours, mut theirs) = pair();
        assert!(ours.send_soon(&mut bytes("sent after all"), Waker::noop()));
        std::thread::spawn(move || drop(ours)).join().unwrap();
        read(&mut theirs, "sent after all").await;
    })
    .await;
}

#[tokio::test]
async fn without_gathering_nothing_is_taken() {
    let (mut ours, _theirs) = pair();
    let mut text = bytes("as ever");
    assert!(!ours.send_soon(&mut text, Waker::noop()));
    assert_eq!(&*text, b"as ever");
    assert!(ours.is_settled());
}

/// So that nobody mistakes a fallback for a pass.
#[test]
fn the_ring_takes_less_than_a_system_call_for_each() {
    let Ok(mut ring) = Ring::new() else { return };
    let pairs: Vec<(Socket, Socket)> =
        std::iter::repeat_with(|| Socket::pair(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap())
            .take(100)
            .collect();
    let sends = pairs.iter().map(|(ours, _)| (ours.as_fd(), &b"x"[..]));
    let sent: Vec<_> = ring.send(sends).map(Result::unwrap).collect();
    assert_eq!(sent, vec![1; 100]);
    for (_, theirs) in &pairs {
        assert_eq!(theirs.recv(&mut [std::mem::MaybeUninit::uninit(); 4]).unwrap(), 1);
    }
}
