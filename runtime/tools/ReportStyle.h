// How the report looks: colours once for light and once for dark, in print
// always light. Training and validation differ by dash as well as by colour,
// and the two colours by lightness, for eyes and printers that see no hue.
#pragma once

namespace tl::tools {

inline constexpr char kReportStyle[] = R"css(
:root { color-scheme: light dark;
  --page: #fff; --panel: #f5f6f8; --text: #1d2530; --soft: #586373;
  --line: #d8dde4; --training: #5b8fcb; --validation: #b3420f;
  --top-k: #2e7d4f; --auc: #7b4fae; --right: 47 109 181; --wrong: 205 92 36;
  --bar: #dbe7f5; }
@media screen and (prefers-color-scheme: dark) { :root {
  --page: #14181d; --panel: #1d232b; --text: #e6eaf0; --soft: #9fabba;
  --line: #343d49; --training: #5f93cf; --validation: #ffa469;
  --top-k: #74c795; --auc: #bd9be6; --right: 80 140 220; --wrong: 226 116 60;
  --bar: #28405c; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 64rem;
  font: 16px/1.5 system-ui, sans-serif; color: var(--text);
  background: var(--page); overflow-wrap: anywhere; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-bottom: .25rem;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0; }
p { margin: .5rem 0; }
.soft, .note, footer, caption { color: var(--soft); }
.note, caption, footer { font-size: .875rem; }
.tiles { display: grid; gap: .75rem; margin: 1.25rem 0 0; padding: 0;
  grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); }
.tiles div { background: var(--panel); border-radius: .5rem;
  padding: .625rem .75rem; }
.tiles dt { font-size: .8125rem; color: var(--soft); line-height: 1.3; }
.tiles dd { margin: .125rem 0 0; font-size: 1.1875rem; font-weight: 600;
  line-height: 1.25; font-variant-numeric: tabular-nums; }
.curves { display: grid; gap: 1.5rem; align-items: end;
  grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr)); }
figure { margin: 0; }
.curve figcaption { display: flex; flex-wrap: wrap; gap: 0 1rem;
  align-items: baseline; padding-bottom: .5rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1rem; margin: 0; padding: 0;
  list-style: none; font-size: .875rem; }
.legend b { font-variant-numeric: tabular-nums; }
.key { width: 26px; height: 10px; margin-right: .375rem; }
.chart { display: block; width: 100%; height: auto; }
.chart text { font: 12px system-ui, sans-serif; fill: var(--soft); }
.chart .phase { font-weight: 600; }
.chart .band { fill: var(--panel); }
.chart .grid, .chart .border { stroke: var(--line); }
.chart .border { stroke-dasharray: 3 3; }
.chart .axis { stroke: var(--soft); }
.line { fill: none; stroke: var(--ink); stroke-width: 2;
  stroke-linejoin: round; stroke-linecap: round; }
.dot { fill: var(--ink); }
.training { --ink: var(--training); }
.line.training { stroke-dasharray: 5 4; }
.validation { --ink: var(--validation); }
.top-k { --ink: var(--top-k); }
.line.top-k { stroke-dasharray: 1 4; }
.auc { --ink: var(--auc); }
.line.auc { stroke-dasharray: 9 3 1 3; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: .9375rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .5rem; min-width: 15rem; }
caption span { display: inline-block; position: sticky; left: 0;
  max-width: min(34rem, calc(100vw - 2rem)); }
th, td { padding: .3125rem .75rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
thead th { font-size: .8125rem; color: var(--soft); font-weight: 600;
  vertical-align: bottom; }
tbody th { font-weight: 500; min-width: 5rem; }
th, td { overflow-wrap: normal; }
tbody th bdi { display: inline-block; max-width: 11rem;
  overflow-wrap: break-word; }
.n, .epochs thead th:nth-child(n+3), .classes thead th:nth-child(n+2),
.programs thead th:nth-child(n+2), .parts thead th:nth-child(n+2) {
  text-align: right; white-space: nowrap; }
.bar { background: linear-gradient(var(--bar), var(--bar)) no-repeat 0 0
  content-box; min-width: 7rem; }
.tables { display: flex; flex-wrap: wrap; gap: 1.5rem 2.5rem;
  align-items: flex-start; }
.matrix th, .matrix td { border: 1px solid var(--line); }
.matrix thead td { border: 0; }
.matrix tbody td, .matrix thead th { text-align: center; min-width: 3rem; }
.matrix tbody th { position: sticky; left: 0; background: var(--page); }
.matrix .right { background: rgb(var(--right) / var(--a)); font-weight: 600; }
.matrix .wrong { background: rgb(var(--wrong) / var(--a)); }
.zero { color: var(--soft); }
.upwards thead span { writing-mode: vertical-rl; transform: rotate(180deg);
  white-space: nowrap; }
.upwards thead th { padding: .5rem .25rem; }
.upwards tbody td { padding: .3125rem .25rem; min-width: 2.25rem;
  font-size: .8125rem; }
.pictures { display: grid; gap: 1rem; margin: .75rem 0;
  grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); }
.pictures figure { background: var(--panel); border-radius: .5rem;
  overflow: hidden; }
.pictures .frame { display: flex; height: 9rem; align-items: center;
  justify-content: center; background: var(--line); font-size: .8125rem;
  color: var(--soft); }
.pictures img { max-width: 100%; max-height: 100%; width: 100%; height: 100%;
  object-fit: contain; }
.pictures figcaption { padding: .5rem .625rem; font-size: .875rem;
  line-height: 1.35; }
.pictures figcaption div { display: flex; justify-content: space-between;
  gap: .5rem; }
.pictures figcaption span + span { white-space: nowrap; }
.pictures small { display: block; color: var(--soft); margin-top: .25rem;
  font-size: .75rem; }
.facts { display: grid; gap: .375rem 1.5rem; margin: .75rem 0;
  grid-template-columns: minmax(8rem, max-content) 1fr; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; }
.phases { display: grid; gap: .75rem; margin: 1rem 0; padding: 0;
  list-style: none;
  grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); }
.phases li { background: var(--panel); border-radius: .5rem;
  padding: .75rem 1rem; }
.phases p { margin: .25rem 0 0; font-size: .9375rem; }
summary { cursor: pointer; padding: .5rem 0; color: var(--soft); }
pre { background: var(--panel); border-radius: .5rem; padding: .875rem 1rem;
  margin: .75rem 0; overflow-x: auto; font-size: .8125rem; line-height: 1.45;
  overflow-wrap: normal; tab-size: 2; }
code, pre { font-family: ui-monospace, monospace; }
footer { margin-top: 3rem; border-top: 1px solid var(--line);
  padding-top: .75rem; }
@media (max-width: 30rem) {
  .chart text { font-size: 14px; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: .5rem; }
  table { font-size: .875rem; }
  th, td { padding: .3125rem .375rem; }
  .bar { min-width: 4.5rem; }
  .tiles { grid-template-columns: repeat(2, 1fr); }
  .pictures { grid-template-columns: repeat(2, 1fr); }
}
@media print {
  body { max-width: none; padding: 0; font-size: 11pt; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  figure, tr, li, .tiles { break-inside: avoid; }
  h2 { break-after: avoid; }
  .scroll { overflow: visible; }
  pre { white-space: pre-wrap; }
}
)css";

} // namespace tl::tools
