//! The figures drawn: bars of medians with the range over the rounds, for the page of figures.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::figures::{Figures, Load, Measure, Series, median};

const WIDTH: u32 = 1_000;
/// Of a bar with the space around it.
const ROW: u32 = 34;
const FONT: (&str, u32) = ("sans-serif", 14);

/// A bar: its name, the median and the range.
struct Bar {
    name: String,
    middle: f64,
    low: f64,
    high: f64,
}

impl Bar {
    fn of(name: &str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let (low, high) = values.clone().fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        Self { name: name.to_owned(), middle: median(values), low, high }
    }

    fn of_series(series: &Series, figure: fn(&Load) -> f64) -> Self {
        Self::of(&series.name, series.rounds.iter().map(figure))
    }
}

/// Writes `latency.svg`, `throughput.svg` and `recall.svg`.
pub fn draw(figures: &Figures, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let sixteen = |series: &&Series| series.name.ends_with("16 connections");
    let latency: Vec<Bar> = figures.series.iter().filter(|series| !sixteen(series)).map(|series| Bar::of_series(series, |load| load.p50_ms)).collect();
    let throughput: Vec<Bar> = figures.series.iter().filter(sixteen).map(|series| Bar::of_series(series, |load| load.per_second)).collect();
    let recall: Vec<&Measure> = figures.measures.iter().filter(|measure| measure.name.starts_with("recall@")).collect();
    let recall: Vec<Bar> = recall.into_iter().map(|measure| Bar::of(&measure.name, measure.values.iter().copied())).collect();
    let listings = figures.listings;
    bars(&folder.join("latency.svg"), &format!("Median time of an answer over {listings} listings, ms (one connection)"), &latency, true)?;
    bars(&folder.join("throughput.svg"), &format!("Answers a second over {listings} listings (16 connections)"), &throughput, true)?;
    bars(&folder.join("recall.svg"), &format!("Share of the nearest 100 of {listings} listings that is found"), &recall, false)
}

/// Bars lying one below the other; on a logarithmic scale where the figures differ by orders of magnitude.
fn bars(path: &Path, title: &str, bars: &[Bar], logarithmic: bool) -> Result<()> {
    let Some(most) = bars.iter().map(|bar| bar.high).reduce(f64::max).filter(|most| *most > 0.0) else { return Ok(()) };
    let least = bars.iter().map(|bar| bar.low).filter(|low| *low > 0.0).fold(most, f64::min);
    let rows = u32::try_from(bars.len())?;
    let area = SVGBackend::new(path, (WIDTH, ROW * rows + 90)).into_drawing_area();
    let broken = |error: &dyn std::fmt::Display| anyhow!("{} cannot be drawn: {error}", path.display());
    area.fill(&WHITE).map_err(|error| broken(&error))?;
    // Room for the figure behind the longest bar.
    let (from, to) = if logarithmic { (least / 2.0, most * 4.0) } else { (0.0, most * 1.12) };
    let place = |value: f64| if logarithmic { (value.max(from) / from).ln() / (to / from).ln() } else { value / to };
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .margin_left(470)
        .build_cartesian_2d(0.0..1.0, 0.0..f64::from(rows))
        .map_err(|error| broken(&error))?;
    let names = TextStyle::from(FONT.into_font())
        .color(&BLACK)
        .pos(plotters::style::text_anchor::Pos::new(plotters::style::text_anchor::HPos::Right, plotters::style::text_anchor::VPos::Center));
    for (number, bar) in (0_u32..).zip(bars) {
        let middle = f64::from(rows - number) - 0.5;
        let whisker = vec![(place(bar.low), middle), (place(bar.high), middle)];
        let figure = if bar.middle >= 100.0 { format!("{:.0}", bar.middle) } else { format!("{:.3}", bar.middle) };
        let label = EmptyElement::at((0.0, middle)) + Text::new(bar.name.clone(), (-8, 0), names.clone());
        let value = EmptyElement::at((place(bar.high.max(bar.middle)), middle)) + Text::new(figure, (6, -7), FONT.into_font());
        chart.draw_series([Rectangle::new([(0.0, middle - 0.32), (place(bar.middle), middle + 0.32)], RGBColor(70, 120, 170).filled())]).map_err(|error| broken(&error))?;
        chart.draw_series([PathElement::new(whisker, BLACK)]).map_err(|error| broken(&error))?;
        chart.draw_series([label]).map_err(|error| broken(&error))?;
        chart.draw_series([value]).map_err(|error| broken(&error))?;
    }
    area.present().map_err(|error| broken(&error))
}
