use super::*;
use std::collections::BTreeMap;
use tenantry_core::RouteTable;
use tokio::sync::watch;

fn registry(number: u16, master_key: &MasterKey) -> Arc<CancelRegistry> {
    let (_, routes) = watch::channel(Arc::new(RouteTable::empty()));
    let config = CancelConfig { number, listener: None, peers: BTreeMap::new() };
    CancelRegistry::new(master_key, Peers::new(&config, master_key, routes), Duration::from_secs(1))
}

#[test]
fn keys_name_their_gateway_and_are_not_negative() {
    let key = MasterKey::generate();
    for number in [0, 1, 512, key::MAX_NUMBER] {
        let registry = registry(number, &key);
        for minor in [0, 2] {
            let registered = registry.register(minor);
            let given = registered.key();
            assert!(given.pid > 0);
            assert_eq!(key::number_of(given.pid), number);
            assert_eq!(given.secret.len(), if minor == 0 { 4 } else { 32 });
            assert!(registry.maker.is_plausible(given));
        }
    }
}

#[test]
fn a_long_key_can_t_be_made_up_or_shortened() {
    let master_key = MasterKey::generate();
    let (one, two) = (registry(1, &master_key), registry(2, &master_key));
    let registered = one.register(2);
    let key = registered.key().clone();
    assert!(two.maker.is_plausible(&key), "another gateway knows it for genuine");
    assert!(!registry(1, &MasterKey::generate()).maker.is_plausible(&key), "another deployment does not");
    for at in 0..key.secret.len() {
        let mut other = key.clone();
        other.secret[at] ^= 1;
        assert!(!two.maker.is_plausible(&other));
    }
    let (known, own) = one.known(key.pid).unwrap();
    assert!(known.long && own == key);
    assert_ne!(*own.secret, key.secret[..4], "its first four bytes are not a key");
    drop(registered);
    assert!(one.known(key.pid).is_none());
}

#[tokio::test]
async fn what_follows_waits_until_a_cancel_was_delivered() {
    let slot = CancelSlot::default();
    let key = CancelKey::generate(1, 4);
    let address = Address::nowhere();
    slot.attach(&Arc::new(CancelTarget { address, key, opened: Instant::now() }));
    assert!(!slot.is_busy());
    let under_way = slot.begin().unwrap();
    assert!(slot.is_busy());
    let mut waiting = Box::pin(slot.delivered());
    let pending =
        std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await;
    assert!(pending);
    drop(under_way);
    waiting.await;
    assert!(!slot.is_busy());
    assert!(slot.detach(), "the connection was sent a cancel");
    assert!(slot.begin().is_none(), "nothing is held any more");
}
