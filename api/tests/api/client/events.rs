//! The stream of events: heard, lost, heard again.

use crate::client::kit::{now, run, Venue, NOW};
use novation_api::client::events::{Events, Update};
use novation_api::client::{ClientError, Http, Journal, Rest, Retry};
use novation_api::wire::{Event, PublicEvent};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A venue that hears a hello, says a window, and hangs up; `count` times. What it heard comes out of the channel.
async fn stream(count: usize) -> (Rest, mpsc::UnboundedReceiver<String>) {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heard, hearing) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for window in 1..=count {
            let (socket, _) = listener.accept().await.unwrap();
            let mut socket = tokio_tungstenite::accept_async(socket).await.unwrap();
            let hello = socket.next().await.unwrap().unwrap();
            heard.send(hello.to_text().unwrap().to_owned()).unwrap();
            let said = json!({ "type": "window", "window": window, "time": NOW }).to_string();
            socket.send(Message::Text(said.into())).await.unwrap();
            let _ = socket.close(None).await;
        }
    });
    (Rest::new(Http::new(&url, Retry::default()).unwrap()), hearing)
}

#[test]
fn a_stream_that_ends_is_connected_again_and_every_time_the_caller_is_told() {
    run(async {
        let (rest, mut heard) = stream(2).await;
        let mut trader = Venue::start().await.trader(Journal::in_memory());
        let credential = trader.credential(now());
        let mut events = Events::new(&rest);
        for window in [1, 2] {
            assert_eq!(events.next(Some(&credential)).await.unwrap(), Update::Connected);
            let said = PublicEvent::Window { window, time: NOW };
            assert_eq!(events.next(Some(&credential)).await.unwrap(), Update::Event(Event::Public(said)));
            let lost = events.next(Some(&credential)).await.unwrap_err();
            assert!(matches!(lost, ClientError::Events { .. }), "{lost}");
            assert_eq!(heard.recv().await.unwrap(), json!({ "authorization": credential.header }).to_string());
        }
    });
}

#[test]
fn a_venue_that_is_not_there_is_an_error_and_no_hang() {
    run(async {
        let address = {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            listener.local_addr().unwrap()
        };
        let rest = Rest::new(Http::new(&format!("http://{address}"), Retry::default()).unwrap());
        let refused = Events::new(&rest).next(None).await.unwrap_err();
        assert!(matches!(refused, ClientError::Events { .. }), "{refused}");
    });
}
