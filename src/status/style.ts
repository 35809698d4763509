/** The whole style of the page: no font, image or script is fetched from anywhere. */
export const STYLE = `
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--text:#1b1f24;--quiet:#545c66;--line:#cfd5dc;--link:#0550ae;
--good:#116329;--busy:#7a4b00;--bad:#a40e26;--bar:#2563b0}
@media (prefers-color-scheme:dark){:root{--page:#0e1116;--card:#171b22;--text:#e8ecf1;--quiet:#a6b0bc;--line:#3a424d;
--link:#7cb8ff;--good:#6fd08c;--busy:#f0b849;--bad:#ff938a;--bar:#6aa9f4}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:84rem;padding:1rem;background:var(--page);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
a{color:var(--link)}
a:focus-visible,[tabindex]:focus-visible,summary:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-100rem}
.skip:focus{position:static}
h1{font-size:1rem;margin:0;font-weight:600}
h2{font-size:1.15rem;margin:1.75rem 0 .5rem}
h3{font-size:1.05rem;margin:0}
h4{font-size:.9rem;margin:.9rem 0 .25rem}
p{margin:.25rem 0}
.quiet{color:var(--quiet);font-size:.875rem}
.verdict{font-size:1.5rem;line-height:1.25;font-weight:650;margin:.75rem 0 .25rem}
.good{color:var(--good)}.busy{color:var(--busy)}.bad{color:var(--bad)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,25rem),1fr));gap:1rem;padding:0;margin:0;list-style:none}
.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem;min-width:0}
.state{font-weight:650;margin:.1rem 0 .4rem}
progress{width:100%;height:.6rem;accent-color:var(--bar)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .75rem;margin:.5rem 0}
dt{color:var(--quiet)}dd{margin:0}
.chart{margin:.75rem 0 0}
.chart figcaption{font-size:.9rem;font-weight:600}
.chart figcaption span{font-weight:400}
.chart svg{display:block;width:100%;height:4rem}
.chart rect{fill:var(--bar)}.chart line{stroke:var(--quiet);stroke-width:1}
.axis{display:flex;justify-content:space-between;margin:0}
.scroll{overflow-x:auto;max-width:100%;background:var(--card);border:1px solid var(--line);border-radius:.5rem}
.card .scroll{border:0;border-radius:0}
table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:normal;vertical-align:top}
.number{text-align:right;white-space:nowrap}
.number:first-child{width:1%}
.wrap{overflow-wrap:anywhere;font-weight:400}
ul.errors{margin:0;padding-left:1.1rem;font-size:.875rem}
summary{cursor:pointer;font-size:.9rem;font-weight:600;margin-top:.9rem}
code{font:0.875em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
footer{margin-top:2rem}
`;
