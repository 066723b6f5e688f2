//! The cost per call of every case, as a bar chart in SVG.

use crate::rounds::Measured;
use std::fmt::Write as _;

const ROW: f64 = 22.0;
const LABELS: f64 = 330.0;
const BARS: f64 = 480.0;
const WIDTH: f64 = LABELS + BARS + 120.0;

/// Draws the cases. The length of a bar is the logarithm of its cost, for a cold call costs a
/// thousand warm ones; the line in it goes from the least to the most of its rounds.
pub(crate) fn svg(cases: &[Measured]) -> String {
    let cases: Vec<_> =
        cases.iter().filter(|case| case.cpu_us_per_call.median.is_finite()).collect();
    let costs = || cases.iter().map(|case| case.cpu_us_per_call);
    let least = costs().map(|cost| cost.min).fold(f64::INFINITY, f64::min).max(0.1);
    let most = costs().map(|cost| cost.max).fold(least, f64::max);
    let scale = |cost: f64| {
        // A tenth for the cheapest, so that it can be seen.
        let share = (cost.max(least) / least).ln() / (most / least).ln().max(f64::EPSILON);
        BARS * share.mul_add(0.9, 0.1)
    };
    let height = ROW.mul_add(cases.len() as f64, 50.0);
    let mut svg = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <text x=\"8\" y=\"20\">Server CPU per call in microseconds (logarithmic)</text>\n"
    );
    for (row, case) in cases.iter().enumerate() {
        let top = ROW.mul_add(row as f64, 34.0);
        let (text, middle) = (top + 14.0, top + ROW / 2.0 - 2.0);
        let cost = case.cpu_us_per_call;
        let (from, to) = (LABELS + scale(cost.min), LABELS + scale(cost.max));
        let length = scale(cost.median);
        let colour = if case.bare.is_some() { "#7a5195" } else { "#b0b7c3" };
        let ratio =
            case.ratio.map_or_else(String::new, |ratio| format!(", {:.2} of bare", ratio.median));
        let end = LABELS + length.max(to - LABELS) + 6.0;
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{text:.0}\">{}</text>\
             <rect x=\"{LABELS}\" y=\"{top:.0}\" width=\"{length:.1}\" height=\"16\" fill=\"{colour}\"/>\
             <path d=\"M{from:.1} {middle:.1}H{to:.1}\" stroke=\"black\"/>\
             <text x=\"{end:.1}\" y=\"{text:.0}\">{:.1}{ratio}</text>",
            case.name, cost.median
        );
    }
    svg.push_str("</svg>\n");
    svg
}
