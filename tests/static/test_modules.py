"""The parts of the page that need no page, run in the browser that they are written for."""

from __future__ import annotations

from tests.static.conftest import Visit


async def test_the_wait_doubles_up_to_half_a_minute_and_is_spread(visit: Visit) -> None:
    page = await visit(at="/healthz")
    shortest, longest = await page.evaluate(
        """async () => {
            const { delayBefore } = await import("/static/backoff.js");
            const attempts = [0, 1, 2, 3, 4, 5, 6, 50];
            return [0, 1].map((random) => attempts.map((attempt) => delayBefore(attempt, () => random)));
        }"""
    )
    assert longest == [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]
    assert shortest == [delay / 2 for delay in longest]


async def test_the_outbox_is_kept_for_its_owner_only(visit: Visit) -> None:
    page = await visit(at="/healthz")
    reloaded, for_bob, for_ada_again = await page.evaluate(
        """async () => {
            const { Outbox } = await import("/static/outbox.js");
            const texts = (userId) => {
                const outbox = new Outbox(sessionStorage);
                outbox.openFor(userId);
                return outbox.inRoom("lobby").map((entry) => [entry.text, entry.refusal, entry.sent]);
            };
            const outbox = new Outbox(sessionStorage);
            outbox.openFor(1);
            const gone = outbox.add("lobby", "arrived");
            outbox.add("lobby", "waiting").sent = true;
            outbox.refuse(outbox.add("lobby", "bad").clientId, "No.");
            outbox.take(gone.clientId);
            return [texts(1), texts(2), texts(1)];
        }"""
    )
    assert reloaded == [["waiting", "", False], ["bad", "No.", False]]
    assert for_bob == []
    assert for_ada_again == []


async def test_presence_adds_up_to_who_is_there(visit: Visit) -> None:
    page = await visit(at="/healthz")
    seen = await page.evaluate(
        """async () => {
            const { Presence } = await import("/static/presence.js");
            const presence = new Presence();
            const after = (frame) => { presence.update(frame); return [presence.names, presence.count]; };
            const seen = [
                after({ online: ["bob", "ada"], offline: ["eve"], count: 2 }),
                after({ online: ["eve"], offline: ["bob"], count: 2 }),
                after({ count: 5000 }),
            ];
            presence.update({ online: ["ada"], offline: [], count: 1 });
            presence.startOver();
            return [...seen, after({ online: ["bob"], offline: [], count: 1 })];
        }"""
    )
    assert seen == [[["ada", "bob"], 2], [["ada", "eve"], 2], [[], 5000], [["bob"], 1]]


async def test_a_room_is_followed_from_the_last_thing_read(visit: Visit) -> None:
    page = await visit(at="/healthz")
    sent = await page.evaluate(
        """async () => {
            const { Subscriptions } = await import("/static/subscriptions.js");
            const sent = [];
            const rooms = new Subscriptions((frame) => sent.push(frame));
            rooms.follow("lobby", 7);
            const early = rooms.isLive("lobby");
            const goesOn = rooms.wentLive({ room: "lobby", cursor: 9 });
            const live = rooms.isLive("lobby");
            rooms.read({ room: "lobby", cursor: 12 });
            rooms.connectionLost();
            rooms.connectionOpened();
            const rolledBack = !rooms.wentLive({ room: "lobby", cursor: 3 });
            return [early, goesOn, live, rolledBack, sent.map((frame) => frame.after)];
        }"""
    )
    assert sent == [False, True, True, True, [7, 12]]


async def test_the_timeline_shows_each_message_once_and_in_order(visit: Visit) -> None:
    page = await visit(at="/healthz")
    shown, oldest_days = await page.evaluate(
        """async () => {
            const { Timeline } = await import("/static/timeline.js");
            const list = document.createElement("ol");
            const end = { atEnd: true, toEnd() {}, keepPlace: (change) => change() };
            const timeline = new Timeline(list, end, () => false);
            const sent = (id) => `2026-11-2${id}T12:00:00.000Z`;
            const message = (id) => ({ id, username: "ada", message: `${id}`, timestamp: sent(id) });
            timeline.show([message(4), message(5)], true);
            for (const id of [8, 5, 7, 8, 3, 4]) timeline.add(message(id));
            const shown = [...list.children].map((item) => Number(item.dataset.id));
            timeline.showOlder([message(1), message(2), { ...message(4), id: 3 }], false);
            return [shown, [...list.children].slice(0, 4).map((item) => !item.querySelector(".day").hidden)];
        }"""
    )
    assert shown == [4, 5, 7, 8]
    assert oldest_days == [True, True, True, False]
