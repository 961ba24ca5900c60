//! Progress: a bar on a terminal, plain lines elsewhere, nothing in tests. All of it goes to standard error; standard output is for
//! the result alone.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use novation_prover::progress::{Observer, Stage, Update};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Without a terminal a long step says that it is alive this often.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// A bar that is redrawn.
    Bars,
    /// Lines.
    Lines,
    /// Nothing.
    Quiet,
}

impl Screen {
    /// Bars if standard error is a terminal, lines otherwise.
    pub fn detect() -> Screen {
        if std::io::stderr().is_terminal() {
            Screen::Bars
        } else {
            Screen::Lines
        }
    }

    /// Says a line.
    pub fn say(&self, line: impl AsRef<str>) {
        if *self != Screen::Quiet {
            eprintln!("{}", line.as_ref());
        }
    }

    /// Watches one operation; the bar or the lines end when the result is dropped.
    pub fn watch(&self, title: impl Into<String>) -> Watch {
        let title = title.into();
        let bar = match self {
            Screen::Bars => {
                let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
                let style = ProgressStyle::with_template("  {prefix} [{bar:30}] {percent:>3} % {msg} {elapsed}");
                bar.set_style(style.expect("a valid template").progress_chars("=> "));
                bar.set_prefix(title.clone());
                Some(bar)
            }
            Screen::Lines | Screen::Quiet => None,
        };
        Watch { lines: *self == Screen::Lines, title, bar, last: Mutex::new(Said { stage: None, at: Instant::now() }) }
    }
}

struct Said {
    stage: Option<Stage>,
    at: Instant,
}

/// Draws one operation.
pub struct Watch {
    lines: bool,
    title: String,
    bar: Option<ProgressBar>,
    last: Mutex<Said>,
}

impl Observer for Watch {
    fn update(&self, update: Update) {
        let Update { stage, done, total, elapsed } = update;
        if let Some(bar) = &self.bar {
            if total > 0 {
                bar.set_length(total);
                bar.set_position(done);
            }
            bar.set_message(stage.to_string());
            bar.tick();
        }
        if !self.lines {
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let slow = matches!(stage, Stage::Generate | Stage::Save | Stage::Open);
        let news = slow && last.stage != Some(stage);
        if news || last.at.elapsed() >= HEARTBEAT {
            *last = Said { stage: Some(stage), at: Instant::now() };
            let percent = (100 * done).checked_div(total).map_or(String::new(), |percent| format!(", {percent} %"));
            eprintln!("  {}: {stage}{percent}, {} s", self.title, elapsed.as_secs());
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
