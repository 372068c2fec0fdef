/** Style sheet of standalone reports: light and dark by the reader's system, contrast of WCAG AA in both. */

export const PAGE_STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--muted:#57606a;--line:#d0d7de;--soft:#f6f8fa;
--good:#116329;--bad:#a40e26;--warn:#7d4e00;--info:#0550ae;--link:#0550ae;
--plot-1:#4269d0;--plot-2:#e3a008;--plot-3:#ff725c;--plot-4:#3fa796;--plot-5:#3ca951;--plot-6:#d9649f;--plot-7:#a463f2;--plot-8:#9c6b4e}
@media (prefers-color-scheme:dark){:root{--bg:#0f1318;--fg:#e6edf3;--muted:#9aa4af;--line:#30363d;--soft:#171c23;
--good:#56d364;--bad:#ff7b72;--warn:#e3b341;--info:#79c0ff;--link:#79c0ff;--plot-1:#7d9cf5}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:62rem;background:var(--bg);color:var(--fg);font:16px/1.55 system-ui,sans-serif}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .5rem}h2{font-size:1.25rem;margin:2rem 0 .5rem}h3,h4{font-size:1.05rem;margin:1.5rem 0 .5rem}
a{color:var(--link)}code,pre{font:.875em/1.5 ui-monospace,Menlo,Consolas,monospace}
code{background:var(--soft);padding:.1em .3em;border-radius:4px}pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:.75rem 1rem;overflow:auto}
pre code{background:none;padding:0}
.verdict,.callout,.diagnostic{border:1px solid var(--line);border-left:4px solid var(--tone,var(--muted));border-radius:6px;padding:.6rem 1rem;margin:1rem 0;background:var(--soft)}
.verdict{font-size:1.1rem;font-weight:600}.mark{color:var(--tone,var(--muted));margin-right:.5em;font-weight:700}
.good{--tone:var(--good)}.bad{--tone:var(--bad)}.warn{--tone:var(--warn)}.info{--tone:var(--info)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.75rem;margin:1rem 0;padding:0}
.figures div{border:1px solid var(--line);border-radius:6px;padding:.6rem .8rem}.figures dt{color:var(--muted);font-size:.875rem}.figures dd{margin:0;font-size:1.3rem;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.scroll{overflow-x:auto}table{border-collapse:collapse;margin:.5rem 0;font-size:.9375rem}
caption,figcaption{text-align:left;font-weight:600;padding:.25rem 0}th,td{padding:.3rem .75rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{font-weight:600;color:var(--muted)}.right{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}td .mark{margin:0}
figure{margin:1.25rem 0}.plot svg{max-width:100%;height:auto;color:var(--fg);background:none!important;--plot-background:var(--bg)}.plot figure{margin:0}
.plot [class$="swatches"]{display:flex;flex-wrap:wrap;gap:1rem;align-items:center}.timeline{width:100%;min-width:40rem;font:11px system-ui,sans-serif;fill:var(--fg)}
.timeline .grid{stroke:var(--line)}.timeline .tick{fill:var(--muted)}.timeline rect{fill:color-mix(in srgb,var(--span) 45%,var(--bg));stroke:var(--span)}.timeline .name{pointer-events:none}
.legend{display:flex;flex-wrap:wrap;gap:1rem;font-size:.875rem}.legend i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}
.legend .span{background:color-mix(in srgb,var(--span) 45%,var(--bg));border:1px solid var(--span)}
.legend .ramp{width:8em;background:linear-gradient(90deg,#440154,#3b528b,#21918c,#5ec962,#fde725);margin:0 .4em}
img{max-width:100%}.pixelated{image-rendering:pixelated}details{margin:.25rem 0;color:var(--muted);font-size:.875rem}
.grid-layout{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1rem}.empty,footer{color:var(--muted);font-size:.875rem}
@media print{body{max-width:none}details{display:none}}
`.replaceAll('\n', '');
