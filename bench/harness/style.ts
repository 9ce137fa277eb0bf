/** The style sheet of the HTML report; follows the reader's light or dark setting. */
export const style = `
:root { color-scheme: light dark;
  --paper: #fbfbf9; --ink: #1c1d22; --soft: #747782; --line: #e3e3de; --card: #ffffff;
  --own: #b3261e; --user: #d98a2b; --system: #c9ccd6; --good: #1d7a4a; --bad: #b3261e; --track: #f0f0ec; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14151a; --ink: #e9e9ee; --soft: #9497a3; --line: #2b2d36; --card: #1b1d24;
  --own: #ff8a7a; --user: #e39a44; --system: #474b59; --good: #58c98d; --bad: #ff8a7a; --track: #23252e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 40px 28px 80px; background: var(--paper); color: var(--ink);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0; font-size: 30px; letter-spacing: -0.02em; }
header p { margin: 8px 0 0; color: var(--soft); max-width: 74ch; }
section { margin-top: 28px; padding: 20px 24px 16px; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; overflow-x: auto; }
h2 { margin: 0 0 10px; font-size: 17px; }
h2 small { font-weight: 400; font-size: 13px; color: var(--soft); margin-left: 6px; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 400; font-size: 12px; color: var(--soft); padding: 2px 0 6px; white-space: nowrap; }
td { padding: 5px 0; border-top: 1px solid var(--line); white-space: nowrap; }
td em { display: block; font-style: normal; font-size: 12px; line-height: 1.3; color: var(--bad); }
.number { text-align: right; padding-left: 16px; font-variant-numeric: tabular-nums; }
.strong { font-weight: 600; }
.soft { color: var(--soft); font-size: 12px; }
tr.chopin td:first-child { color: var(--own); font-weight: 600; }
tr.floor td:first-child { color: var(--soft); }
.track, .stack, .strip { width: 28%; padding-left: 18px; }
.track div, .stack div, .strip div { position: relative; height: 14px; }
.track div { background: var(--track); border-radius: 7px; height: 8px; }
.track .limit { position: absolute; left: 50%; top: -5px; width: 2px; height: 18px; background: var(--ink); opacity: .55; }
.track .spread { position: absolute; top: 2px; height: 4px; border-radius: 2px; min-width: 2px; opacity: .45; }
.dot { position: absolute; width: 10px; height: 10px; margin: -1px 0 0 -5px; border-radius: 50%; }
.holds .dot, .holds .spread { background: var(--good); }
.fails .dot, .fails .spread { background: var(--bad); }
.verdict { padding-left: 16px; font-weight: 600; }
.holds .verdict { color: var(--good); } .fails .verdict { color: var(--bad); }
.not-measured td { color: var(--soft); } .not-measured .verdict { font-weight: 400; }
.bars em { color: var(--soft); }
.stack div { display: flex; }
.stack i, .key { background: var(--system); height: 14px; }
.stack .user, .key.user { background: var(--user); }
tr.chopin .stack .user { background: var(--own); }
.stack.cut div { -webkit-mask: linear-gradient(90deg, #000 86%, transparent); mask: linear-gradient(90deg, #000 86%, transparent); }
.key { display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-left: 18px; }
.key + .key, th .key.system { margin-left: 8px; }
.work td:nth-child(2), .work th:nth-child(2) { padding-left: 18px; } .work .key.user { margin-left: 0; }
.strip .dot { background: var(--soft); opacity: .55; top: 3px; } tr.chopin .strip .dot { background: var(--own); }
.strip { width: 60%; }
.plain td, .plain th { padding-right: 16px; }
figure { margin: 18px 0 0; } figcaption { color: var(--soft); font-size: 12px; }
svg { width: 100%; height: auto; display: block; }
.grid line { stroke: var(--line); } .grid text { fill: var(--soft); font-size: 11px; }
.curve { fill: none; stroke: var(--hue); stroke-width: 1.6; } .label { fill: var(--hue); font-size: 12px; }
svg * { --hue: var(--soft); }
svg .chopin { --hue: var(--own); } .curve.chopin { stroke-width: 2.8; } .label.chopin { font-weight: 600; }
svg .bun-serve { --hue: #b7791f; } svg .elysia { --hue: #8e5bd0; } svg .hono { --hue: #d9643a; }
svg .fastify { --hue: #5f7f95; } svg .actix { --hue: #2f7fd1; } svg .axum { --hue: #1d9c8f; } svg .hyper { --hue: #3f9b3f; }
svg .floor { --hue: var(--soft); } .curve.floor { stroke-dasharray: 4 4; }
ul { margin: 0; padding-left: 18px; }
`;
