//! Progress: a bar on a terminal, plain lines elsewhere, nothing in tests. All of it goes to standard error; standard output is for
//! the result alone.
//!
//! Bars of operations that run at the same time stand below each other, a line each, and what is said stands above them.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use novation_prover::progress::{Observer, Stage, Update};
use std::io::IsTerminal;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

/// Without a terminal a long step says that it is alive this often.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// The bars of this process: there is one standard error, and whoever writes to it has to know of the others.
static BARS: LazyLock<MultiProgress> = LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));

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
        match self {
            Screen::Bars => BARS.suspend(|| eprintln!("{}", line.as_ref())),
            Screen::Lines => eprintln!("{}", line.as_ref()),
            Screen::Quiet => {}
        }
    }

    /// Watches one operation; the bar or the lines end when the result is dropped.
    pub fn watch(&self, title: impl Into<String>) -> Watch {
        let title = title.into();
        let bar = match self {
            Screen::Bars => Some(bar(&BARS, &title)),
            Screen::Lines | Screen::Quiet => None,
        };
        Watch { lines: *self == Screen::Lines, title, bar, last: Mutex::new(Said { stage: None, at: Instant::now() }) }
    }
}

/// A line of a group of bars.
fn bar(group: &MultiProgress, title: &str) -> ProgressBar {
    let bar = group.add(ProgressBar::new(1));
    let style = ProgressStyle::with_template("  {prefix} [{bar:30}] {percent:>3} % {msg} {elapsed}");
    bar.set_style(style.expect("a valid template").progress_chars("=> "));
    bar.set_prefix(title.to_owned());
    bar
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

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::io;
    use std::sync::Arc;

    const COLUMNS: usize = 80;

    /// A terminal of [`COLUMNS`]: lines, and the cursor's line and column.
    #[derive(Clone, Debug, Default)]
    struct Terminal(Arc<Mutex<(Vec<String>, usize, usize)>>);

    impl Terminal {
        fn at(&self, act: impl FnOnce(&mut Vec<String>, &mut usize, &mut usize)) -> io::Result<()> {
            let mut state = self.0.lock().unwrap();
            let (lines, row, column) = &mut *state;
            act(lines, row, column);
            while lines.len() <= *row {
                lines.push(String::new());
            }
            Ok(())
        }

        /// What stands there, without the blanks behind it.
        fn lines(&self) -> Vec<String> {
            let lines: Vec<String> = self.0.lock().unwrap().0.iter().map(|line| line.trim_end().to_owned()).collect();
            lines.into_iter().filter(|line| !line.is_empty()).collect()
        }
    }

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            COLUMNS as u16
        }
        fn move_cursor_up(&self, n: usize) -> io::Result<()> {
            self.at(|_, row, _| *row = row.saturating_sub(n))
        }
        fn move_cursor_down(&self, n: usize) -> io::Result<()> {
            self.at(|_, row, _| *row += n)
        }
        fn move_cursor_right(&self, n: usize) -> io::Result<()> {
            self.at(|_, _, column| *column += n)
        }
        fn move_cursor_left(&self, n: usize) -> io::Result<()> {
            self.at(|_, _, column| *column = column.saturating_sub(n))
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)?;
            self.at(|_, row, column| (*row, *column) = (*row + 1, 0))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            for (n, part) in text.split('\n').enumerate() {
                self.at(|lines, row, column| {
                    if n > 0 {
                        (*row, *column) = (*row + 1, 0);
                    }
                    for c in part.chars().filter(|c| *c != '\r') {
                        // Behind the last column, text goes on in the next line.
                        if *column == COLUMNS {
                            (*row, *column) = (*row + 1, 0);
                        }
                        while lines.len() <= *row {
                            lines.push(String::new());
                        }
                        let mut line: Vec<char> = lines[*row].chars().collect();
                        line.resize(line.len().max(*column + 1), ' ');
                        line[*column] = c;
                        lines[*row] = line.into_iter().collect();
                        *column += 1;
                    }
                })?;
            }
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            self.at(|lines, row, column| {
                if let Some(line) = lines.get_mut(*row) {
                    line.clear();
                }
                *column = 0;
            })
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn proofs_in_flight_have_a_line_each_below_what_is_said() {
        let terminal = Terminal::default();
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
        let group = MultiProgress::with_draw_target(target);
        let watch = |batch: u64| Watch {
            lines: false,
            title: String::new(),
            bar: Some(bar(&group, &format!("proving batch {batch}"))),
            last: Mutex::new(Said { stage: None, at: Instant::now() }),
        };
        let update = |stage, done| Update { stage, done, total: 4, elapsed: Duration::ZERO };
        let watches = [7, 8, 9].map(watch);
        for (watch, done) in watches.iter().zip([1, 2, 3]) {
            watch.update(update(Stage::Quotient, done));
        }
        group.println("batch 10: proving").unwrap();
        let titles = |lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| line.split('[').next().unwrap().trim().to_owned()).collect()
        };
        let lines = terminal.lines();
        let all = ["batch 10: proving", "proving batch 7", "proving batch 8", "proving batch 9"];
        assert_eq!(titles(&lines), all, "{lines:#?}");
        for (line, percent) in lines[1..].iter().zip([" 25 % quotient", " 50 % quotient", " 75 % quotient"]) {
            assert!(line.contains(percent), "{lines:#?}");
        }
        // The one in the middle is through: the others move together.
        let [first, middle, last] = watches;
        drop(middle);
        group.println("batch 8: proven").unwrap();
        let lines = terminal.lines();
        let all = ["batch 10: proving", "batch 8: proven", "proving batch 7", "proving batch 9"];
        assert_eq!(titles(&lines), all, "{lines:#?}");
        drop((first, last));
        assert_eq!(terminal.lines(), ["batch 10: proving", "batch 8: proven"]);
    }
}
