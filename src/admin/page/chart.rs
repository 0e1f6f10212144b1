//! Figures over time: one bar a sync, as SVG that needs no script.

use maud::{Markup, html};

/// In units of the drawing, which is as wide as the page.
const WIDTH: usize = 600;
const HEIGHT: u64 = 60;
/// What is more than nothing can be seen.
const LOWEST: u64 = 2;

/// One bar.
pub(super) struct Bar {
    pub(super) figure: u64,
    /// How its sync ended: its colour.
    pub(super) outcome: &'static str,
    /// What is told of it.
    pub(super) told: String,
}

/// `bars` stand in the order of time; where there are fewer than `places`, they stand on the right.
pub(super) fn chart(of: &str, bars: &[Bar], places: usize) -> Markup {
    let most = bars.iter().map(|bar| bar.figure).max().unwrap_or_default();
    let places = places.max(bars.len()).max(1);
    let pitch = WIDTH / places;
    let label = label(of, bars.len(), most);
    html! {
        figure {
            svg viewBox={ "0 0 " (pitch * places) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(label) {
                @for (place, bar) in (places - bars.len()..).zip(bars) {
                    @let height = height(bar.figure, most);
                    rect class=(bar.outcome) x=(place * pitch) y=(HEIGHT - height) width=(pitch - 1) height=(height) {
                        title { (bar.told) }
                    }
                }
            }
            figcaption { (label) }
        }
    }
}

fn label(of: &str, bars: usize, most: u64) -> String {
    match bars {
        1 => format!("{of} of the last sync: {most}"),
        _ => format!("{of} of the last {bars} syncs; maximum: {most}"),
    }
}

fn height(figure: u64, most: u64) -> u64 {
    match figure {
        0 => 0,
        _ => u64::try_from(u128::from(figure) * u128::from(HEIGHT) / u128::from(most)).unwrap_or(HEIGHT).max(LOWEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sync_is_no_plural() {
        assert_eq!(label("Changes", 1, 3), "Changes of the last sync: 3");
        assert_eq!(label("Calls", 2, 40), "Calls of the last 2 syncs; maximum: 40");
    }

    #[test]
    fn the_most_fills_the_height_and_the_least_can_still_be_seen() {
        assert_eq!((height(0, 0), height(0, 9), height(9, 9), height(1, 1_000_000)), (0, 0, 60, 2));
        assert_eq!(height(u64::MAX / 2, u64::MAX), 29);
    }
}
