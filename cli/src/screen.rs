//! Standard error, written by a thread of its own.
//!
//! A terminal that stands still (Ctrl-S), a full pipe or a log collector that hangs blocks whoever writes to it. Nobody
//! may be that who hears signals or runs a rollout: they put what they have to say into a bounded queue and go on.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anstream::AutoStream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::{Console, paint, tone};

/// How long nothing may be said while there is something to wait for: a line at least every minute.
const SILENCE: Duration = Duration::from_secs(55);
/// How often the live line is drawn at most.
const FRAME: Duration = Duration::from_millis(100);
/// How long the end waits for a stream that takes nothing.
pub(crate) const STALLED: Duration = Duration::from_secs(5);
/// What may wait to be written, in pieces. The log leaves half of the room to what people are told.
const LONGEST_QUEUE: usize = 4_000;
/// What of the log may wait to be written, in bytes.
const LONGEST_LOG: usize = 1 << 20;

/// What goes on, as long as nothing lasting is said.
pub(crate) trait Doing: Send {
    /// The live line, not wider than this.
    fn live(&self, width: usize) -> String;
    /// The lasting line that says that it still goes on.
    fn still(&self) -> String;
}

/// Standard error, for everybody who has something to say. Nothing here ever blocks but [`Screen::close`], which is
/// bounded. Clones are the same screen.
#[derive(Clone)]
pub(crate) struct Screen {
    console: Console,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    log_bytes: usize,
    /// Lines that found no room.
    dropped: u64,
    doing: Option<Box<dyn Doing>>,
    /// Whether what goes on has changed since it was last drawn.
    redraw: bool,
    live: bool,
    closing: bool,
    ended: bool,
    /// Pieces written so far: whether the stream still takes anything.
    written: u64,
}

/// Made into text on the thread that writes it, where a fault in it does no harm.
type Text = Box<dyn FnOnce(&Console) -> String + Send>;

enum Piece {
    Text(Text),
    Log(Vec<u8>),
    Dropped(u64),
}

impl Screen {
    /// Standard error. `quiet` does without the line of every minute.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(quiet: bool) -> io::Result<Self> {
        let silence = if quiet { None } else { Some(SILENCE) };
        Self::start_on(Console::stderr(), AutoStream::always(io::stderr()), silence)
    }

    /// A screen that nobody sees.
    #[cfg(test)]
    pub(crate) fn nowhere() -> Self {
        Self::start_on(Console::plain(), io::sink(), None).expect("a thread")
    }

    fn start_on(
        console: Console,
        out: impl Write + Send + 'static,
        silence: Option<Duration>,
    ) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let writer = Writer { console, shared: Arc::clone(&shared), out, bar: None, silence, spoke: now() };
        thread::Builder::new().name("screen".to_owned()).spawn(move || writer.run())?;
        Ok(Self { console, shared })
    }

    /// What the stream can show.
    pub(crate) fn console(&self) -> Console {
        self.console
    }

    /// Says this, further lines of it indented where a terminal has to break it.
    pub(crate) fn say(&self, text: impl Into<String>, indent: usize) {
        let text = text.into();
        self.write(move |console| console.wrap(&text, indent));
    }

    /// Says what this makes.
    pub(crate) fn write(&self, make: impl FnOnce(&Console) -> String + Send + 'static) {
        self.push(Piece::Text(Box::new(make)));
    }

    /// Writes a piece of the log.
    pub(crate) fn log(&self, bytes: &[u8]) {
        self.push(Piece::Log(bytes.to_vec()));
    }

    /// Keeps a live line below the lasting ones from now on.
    pub(crate) fn go_live(&self) {
        self.shared.lock().live = true;
    }

    /// Tells what goes on now; `None` when nothing is waited for.
    pub(crate) fn doing(&self, doing: Option<Box<dyn Doing>>) {
        let mut queue = self.shared.lock();
        // Dropped with the lock let go.
        let before = std::mem::replace(&mut queue.doing, doing);
        queue.redraw = true;
        // Without a live line nobody draws it before the silence is over.
        let wake = queue.live || before.is_none();
        drop(queue);
        drop(before);
        if wake {
            self.shared.changed.notify_all();
        }
    }

    /// Waits until all is written, or the stream has taken nothing for so long.
    pub(crate) fn close(&self, stalled: Duration) {
        let mut queue = self.shared.lock();
        queue.closing = true;
        self.shared.changed.notify_all();
        while !queue.ended {
            let written = queue.written;
            let waited = self
                .shared
                .changed
                .wait_timeout_while(queue, stalled, |queue| !queue.ended && queue.written == written);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            queue = now;
            if timeout.timed_out() {
                return;
            }
        }
    }

    fn push(&self, piece: Piece) {
        let mut queue = self.shared.lock();
        if queue.has_room_for(&piece) {
            if queue.dropped > 0 {
                let dropped = std::mem::take(&mut queue.dropped);
                queue.pieces.push_back(Piece::Dropped(dropped));
            }
            if let Piece::Log(bytes) = &piece {
                queue.log_bytes += bytes.len();
            }
            queue.pieces.push_back(piece);
        } else {
            queue.dropped += 1;
        }
        drop(queue);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn has_room_for(&self, piece: &Piece) -> bool {
        match piece {
            Piece::Log(bytes) => {
                self.pieces.len() < LONGEST_QUEUE / 2 && self.log_bytes + bytes.len() <= LONGEST_LOG
            }
            _ => self.pieces.len() < LONGEST_QUEUE,
        }
    }

    fn take(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front();
        if let Some(Piece::Log(bytes)) = &piece {
            self.log_bytes -= bytes.len();
        }
        // Whatever was dropped came after all that is left.
        piece.or_else(|| (self.dropped > 0).then(|| Piece::Dropped(std::mem::take(&mut self.dropped))))
    }
}

/// What the thread does next.
enum Next {
    Write(Piece),
    Draw(Box<dyn Doing>),
    /// Nothing goes on any longer.
    Clear,
    SayStill(Box<dyn Doing>),
    End,
}

/// The thread's own side. Only here anything is written, drawn, or asked of the terminal.
struct Writer<W> {
    console: Console,
    shared: Arc<Shared>,
    out: W,
    bar: Option<ProgressBar>,
    silence: Option<Duration>,
    /// When people were last told anything.
    spoke: Instant,
}

impl<W: Write> Writer<W> {
    fn run(mut self) {
        let _ended = Ended(Arc::clone(&self.shared));
        let mut drawn: Option<Instant> = None;
        loop {
            match self.next(drawn) {
                Next::Write(piece) => {
                    self.write(piece);
                    self.shared.lock().written += 1;
                    self.shared.changed.notify_all();
                }
                Next::Draw(doing) => {
                    self.draw(&*doing);
                    drawn = Some(now());
                    self.give_back(doing);
                }
                Next::Clear => self.clear(),
                Next::SayStill(doing) => {
                    let text = catch_unwind(AssertUnwindSafe(|| doing.still()));
                    self.line(text.ok());
                    self.give_back(doing);
                }
                Next::End => return self.clear(),
            }
        }
    }

    fn next(&self, drawn: Option<Instant>) -> Next {
        let mut queue = self.shared.lock();
        loop {
            if let Some(piece) = queue.take() {
                return Next::Write(piece);
            }
            if queue.closing {
                return Next::End;
            }
            let now = now();
            let due = if queue.live {
                let next_frame = drawn.map_or(now, |drawn| drawn + FRAME);
                queue.redraw.then_some(next_frame)
            } else {
                self.silence.filter(|_| queue.doing.is_some()).map(|silence| self.spoke + silence)
            };
            match due {
                Some(due) if due <= now => {
                    queue.redraw = false;
                    let live = queue.live;
                    match queue.doing.take() {
                        Some(doing) if live => return Next::Draw(doing),
                        Some(doing) => return Next::SayStill(doing),
                        None => return Next::Clear,
                    }
                }
                Some(due) => {
                    let waited = self.shared.changed.wait_timeout(queue, due - now);
                    queue = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                None => queue = self.shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// What was taken to be drawn still goes on, unless it has changed meanwhile.
    fn give_back(&self, doing: Box<dyn Doing>) {
        let mut queue = self.shared.lock();
        if !queue.redraw && queue.doing.is_none() {
            queue.doing = Some(doing);
        }
    }

    fn write(&mut self, piece: Piece) {
        match piece {
            Piece::Text(make) => {
                let console = self.console;
                self.line(catch_unwind(AssertUnwindSafe(|| make(&console))).ok());
            }
            Piece::Log(bytes) => {
                let out = &mut self.out;
                // Nobody listening is no reason to end a rollout.
                let mut write = || drop(out.write_all(&bytes));
                match &self.bar {
                    Some(bar) => bar.suspend(write),
                    None => write(),
                }
            }
            Piece::Dropped(count) => self.line(Some(format!(
                "{} {count} {} dropped, since standard error could not be written to",
                paint(tone::WARN, "warning:"),
                if count == 1 { "line was" } else { "lines were" }
            ))),
        }
    }

    /// Writes a lasting line; a line of which the making failed is said to have.
    fn line(&mut self, text: Option<String>) {
        let text =
            text.unwrap_or_else(|| format!("{} a line could not be shown", paint(tone::WARN, "warning:")));
        // In one piece: others may write to the same stream.
        let text = self.console.adapt(&text) + "\n";
        let out = &mut self.out;
        let mut write = || drop(out.write_all(text.as_bytes()));
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
        self.spoke = now();
    }

    fn draw(&mut self, doing: &dyn Doing) {
        let console = self.console;
        // One column stays free: a full last column makes some terminals wrap.
        let width = console.width().saturating_sub(1);
        if let Ok(text) = catch_unwind(AssertUnwindSafe(|| console.adapt(&doing.live(width)))) {
            let bar = self.bar.get_or_insert_with(live_line);
            bar.set_message(text);
            bar.tick();
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Whichever way the thread ends, nobody waits for it in vain.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

fn live_line() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // The message is the whole line: the template cannot fail to parse, and the default would do.
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    bar
}

#[expect(clippy::disallowed_methods, reason = "people wait in real time, whatever clock the rollout runs by")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A stream that takes a piece only when it is let, and keeps what it took.
    struct Gate {
        let_through: mpsc::Receiver<()>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Without anybody who could let it, it takes all.
            let _ = self.let_through.recv();
            self.taken.lock().expect("whole").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Fixture {
        screen: Screen,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Fixture {
        fn stalled(silence: Option<Duration>) -> (Self, mpsc::Sender<()>) {
            let (letter, let_through) = mpsc::channel();
            let taken = Arc::<Mutex<Vec<u8>>>::default();
            let gate = Gate { let_through, taken: Arc::clone(&taken) };
            let screen = Screen::start_on(Console::plain(), gate, silence).expect("a thread");
            (Self { screen, taken }, letter)
        }

        fn open(silence: Option<Duration>) -> Self {
            Self::stalled(silence).0
        }

        /// What was written by the end.
        fn text(self) -> String {
            self.screen.close(Duration::from_secs(60));
            String::from_utf8(self.taken.lock().expect("whole").clone()).expect("UTF-8")
        }
    }

    struct Waiting(mpsc::Sender<()>);

    impl Doing for Waiting {
        fn live(&self, _: usize) -> String {
            panic!("there is no live line")
        }

        fn still(&self) -> String {
            let _ = self.0.send(());
            "still waiting".to_owned()
        }
    }

    #[test]
    fn lines_come_in_order_and_the_end_waits_for_them() {
        let fixture = Fixture::open(None);
        fixture.screen.say("one", 0);
        fixture.screen.log(b"two\n");
        fixture.screen.write(|console| console.wrap("three", 0));
        assert_eq!(fixture.text(), "one\ntwo\nthree\n");
    }

    #[test]
    fn a_stream_that_takes_nothing_keeps_nobody_waiting_and_is_told_what_it_missed() {
        let (fixture, letter) = Fixture::stalled(None);
        for _ in 0..LONGEST_QUEUE + 10 {
            fixture.screen.log(b"noise\n");
        }
        fixture.screen.say("an alarm fired", 0);
        fixture.screen.close(Duration::from_millis(1));
        drop(letter);
        let text = fixture.text();
        let told = text.lines().filter(|line| *line == "noise").count();
        // Where the thread has taken a line meanwhile, they are told in two parts.
        let parts = text.lines().filter_map(|line| line.strip_prefix("warning: ")?.split_once(" line"));
        let dropped: usize = parts.map(|(count, _)| count.parse::<usize>().expect("a number")).sum();
        assert_eq!(dropped, LONGEST_QUEUE + 10 - told, "{text}");
        let (at, alarm) = (text.find("dropped").expect(&text), text.find("an alarm fired").expect(&text));
        assert!(at < alarm && told >= LONGEST_QUEUE / 2, "{text}");
    }

    #[test]
    fn the_log_is_bounded_in_bytes_too() {
        let (fixture, letter) = Fixture::stalled(None);
        let line = [b'x'; LONGEST_LOG / 4];
        (0..10).for_each(|_| fixture.screen.log(&line));
        assert!(fixture.screen.shared.lock().log_bytes <= LONGEST_LOG);
        drop(letter);
        assert!(fixture.text().contains("lines were dropped"));
    }

    #[test]
    fn a_fault_in_what_is_shown_costs_that_line_alone() {
        let fixture = Fixture::open(None);
        fixture.screen.write(|_| panic!("a fault on purpose"));
        fixture.screen.say("and on it goes", 0);
        assert_eq!(fixture.text(), "warning: a line could not be shown\nand on it goes\n");
    }

    #[test]
    fn silence_is_broken_as_long_as_something_is_waited_for_and_no_longer() {
        let fixture = Fixture::open(Some(Duration::from_millis(1)));
        let (said, still) = mpsc::channel();
        fixture.screen.doing(Some(Box::new(Waiting(said))));
        for _ in 0..3 {
            still.recv_timeout(Duration::from_secs(60)).expect("a line");
        }
        fixture.screen.doing(None);
        // The sender is dropped with what it belonged to.
        while still.recv_timeout(Duration::from_secs(60)).is_ok() {}
        let text = fixture.text();
        assert!(text.lines().count() >= 3 && text.lines().all(|line| line == "still waiting"), "{text}");
    }

    #[test]
    fn quiet_needs_no_sign_of_life() {
        let fixture = Fixture::open(None);
        let (said, still) = mpsc::channel();
        fixture.screen.doing(Some(Box::new(Waiting(said))));
        fixture.screen.log(b"noise\n");
        assert!(still.recv_timeout(Duration::from_millis(20)).is_err());
        assert_eq!(fixture.text(), "noise\n");
    }
}
