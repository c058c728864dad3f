//! How long work is told: a bar with rate and time left on a terminal, a plain line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a plain line is written where nobody watches a bar.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Work whose size is known in `total` units (bytes of a file, listings) and whose results are counted by themselves.
pub struct Progress {
    label: String,
    bar: Option<ProgressBar>,
    total: u64,
    started: Instant,
    said: Instant,
}

impl Progress {
    /// `noun` names what is counted: "rows", "listings".
    pub fn new(label: &str, noun: &str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(5));
            let template = format!("{{prefix}} {{wide_bar}} {{percent}} %, {{msg}} {noun}, {{eta}} left");
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar.set_prefix(label.to_owned());
            bar
        });
        Self { label: format!("{label}: {{}} {noun}"), bar, total, started: Instant::now(), said: Instant::now() }
    }

    /// Says how far it is: `done` of the total, `counted` results.
    pub fn at(&mut self, done: u64, counted: u64) {
        let rate = per_second(counted, self.started.elapsed());
        match &self.bar {
            Some(bar) => {
                bar.set_position(done);
                bar.set_message(format!("{counted} at {rate:.0}/s:"));
            }
            None if self.said.elapsed() >= LINE_EVERY => {
                self.said = Instant::now();
                let left = self.left(done).map_or_else(String::new, |left| format!(", about {} s left", left.as_secs()));
                eprintln!("{}, {rate:.0}/s{left}", self.label.replace("{}", &counted.to_string()));
            }
            None => {}
        }
    }

    fn left(&self, done: u64) -> Option<Duration> {
        #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
        let share = (done > 0).then(|| self.total.saturating_sub(done) as f64 / done as f64)?;
        Duration::try_from_secs_f64(self.started.elapsed().as_secs_f64() * share).ok()
    }

    /// A line that stays, above the bar where there is one.
    pub fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// Ends with one line: how many, how long, how fast.
    pub fn finish(self, counted: u64) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let took = self.started.elapsed();
        eprintln!("{} in {:.1} s, {:.0}/s", self.label.replace("{}", &counted.to_string()), took.as_secs_f64(), per_second(counted, took));
    }
}

fn per_second(counted: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    let counted = counted as f64;
    counted / time.as_secs_f64().max(0.001)
}
