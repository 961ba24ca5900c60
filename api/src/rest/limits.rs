//! How much one client, and all of them, may ask for.

use super::error::ApiError;
use super::ApiState;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use novation_state::units::AccountSlot;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Checks between two clearances of keys that have all their quota back: bounds the memory of the limiters.
const SWEEP: u64 = 4_096;

/// Requests a second, and how many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// A second.
    pub per_second: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// A rate; 0 counts as 1.
    pub fn new(per_second: u32, burst: u32) -> Rate {
        let least = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Rate { per_second: least(per_second), burst: least(burst) }
    }

    fn quota(self) -> Quota {
        Quota::per_second(self.per_second).allow_burst(self.burst)
    }
}

/// The limits of the public port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Requests of an address; of a /64 for IPv6.
    pub address: Rate,
    /// Messages and signed reads of an account.
    pub account: Rate,
    /// Requests under way at a time.
    pub in_flight: usize,
    /// Time to answer.
    pub timeout: Duration,
    /// WebSockets at a time.
    pub websockets: usize,
    /// Whether the address of a client is the last one of `X-Forwarded-For`: behind a proxy that sets it, and only there.
    pub behind_proxy: bool,
}

impl Default for Limits {
    /// 64 KiB, 200 requests a second of an address and 100 of an account, 1,024 at a time, 10 seconds, 256 WebSockets.
    fn default() -> Limits {
        Limits {
            body: 64 * 1024,
            address: Rate::new(200, 400),
            account: Rate::new(100, 200),
            in_flight: 1_024,
            timeout: Duration::from_secs(10),
            websockets: 256,
            behind_proxy: false,
        }
    }
}

/// The limits at work.
pub(super) struct Guards {
    limits: Limits,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    accounts: DefaultKeyedRateLimiter<AccountSlot>,
    clock: DefaultClock,
    checks: AtomicU64,
    in_flight: Arc<Semaphore>,
    pub(super) websockets: Arc<Semaphore>,
}

impl Guards {
    pub fn new(limits: Limits) -> Guards {
        Guards {
            limits,
            addresses: RateLimiter::keyed(limits.address.quota()),
            accounts: RateLimiter::keyed(limits.account.quota()),
            clock: DefaultClock::default(),
            checks: AtomicU64::new(0),
            in_flight: Arc::new(Semaphore::new(limits.in_flight)),
            websockets: Arc::new(Semaphore::new(limits.websockets)),
        }
    }

    fn address(&self, address: IpAddr) -> Result<(), ApiError> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.addresses.retain_recent();
            self.accounts.retain_recent();
        }
        self.addresses.check_key(&address).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            too_many("address_rate", "this address asks too often", wait)
        })
    }

    /// Counts something that the account's owner did, as a signature has shown: nobody else uses up an account's rate, or learns that
    /// it is used up.
    pub fn account(&self, account: AccountSlot) -> Result<(), ApiError> {
        self.accounts.check_key(&account).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            too_many("account_rate", "this account asks too often", wait)
        })
    }
}

fn too_many(code: &str, message: &str, wait: Duration) -> ApiError {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, code, message).retry_after(seconds)
}

/// Where a request comes from.
fn origin(headers: &HeaderMap, peer: Option<SocketAddr>, behind_proxy: bool) -> IpAddr {
    let forwarded = || {
        // The last header's last entry is the proxy's own; what stands before it, anybody can write.
        let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next()?.trim().parse().ok()
    };
    let own = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip());
    let address: IpAddr = if behind_proxy { forwarded().unwrap_or(own) } else { own };
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        // One customer has a /64.
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Lets a request through if rate and concurrency allow it, and answers for it if it takes too long.
pub(super) async fn guard(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let guards = &state.guards;
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
    if let Err(error) = guards.address(origin(request.headers(), peer, guards.limits.behind_proxy)) {
        return error.into_response();
    }
    let Ok(_permit) = guards.in_flight.try_acquire() else {
        return ApiError::unavailable("overloaded", "too many requests are under way").into_response();
    };
    match tokio::time::timeout(guards.limits.timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let message = "no answer in time: a message may have been taken in, the same again gets its receipt";
            ApiError::new(StatusCode::GATEWAY_TIMEOUT, "unknown_outcome", message).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_the_peer_unless_a_proxy_is_trusted() {
        let peer: SocketAddr = "10.0.0.1:5".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "1.1.1.1, 2.2.2.2".parse().unwrap());
        headers.append("x-forwarded-for", "3.3.3.3 , 4.4.4.4".parse().unwrap());
        let at = |proxy| origin(&headers, Some(peer), proxy).to_string();
        assert_eq!((at(false).as_str(), at(true).as_str()), ("10.0.0.1", "4.4.4.4"));
        headers.append("x-forwarded-for", "nobody".parse().unwrap());
        assert_eq!(origin(&headers, Some(peer), true).to_string(), "10.0.0.1");
    }

    #[test]
    fn origin_of_ipv6_is_its_64_bit_network_and_mapped_ipv4_is_ipv4() {
        let of = |text: &str| origin(&HeaderMap::new(), Some(SocketAddr::new(text.parse().unwrap(), 1)), false);
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:9.8.7.6").to_string(), "9.8.7.6");
    }

    #[test]
    fn accounts_have_a_rate_each() {
        let guards = Guards::new(Limits { account: Rate::new(1, 3), ..Limits::default() });
        let [five, six] = [5, 6].map(|slot| AccountSlot::new(slot).unwrap());
        let refused = (0..1_000).find_map(|_| guards.account(five).err()).expect("a rate of one a second");
        let told = (refused.status.as_u16(), refused.detail.code.as_str(), refused.retry_after);
        assert_eq!(told, (429, "account_rate", Some(1)));
        assert_eq!(guards.account(six), Ok(()));
    }
}
