// Style and script of a page.
#include <nettle/base64.h>
#include <nettle/sha2.h>

#include <array>

#include "slalom/base/error.hpp"
#include "slalom/report/characters.hpp"
#include "slalom/report/page_parts.hpp"

namespace slalom {

namespace {

constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--ink:#1b1b1b;--muted:#585858;--paper:#fff;--panel:#f6f6f4;--rule:#d8d8d4;
--for:232,120,20;--against:60,130,215;--dot-for:#e07410;--dot-against:#2f78c8;--grid:#e4e4e2;--link:#14549c;--good:#14663a;--mid:#7a4f00;--low:#a02020}
@media (prefers-color-scheme:dark){:root{--ink:#e8e6e3;--muted:#a9a7a3;--paper:#161719;--panel:#1f2124;
--rule:#3a3d41;--for:196,96,8;--against:38,104,190;--dot-for:#ff9d3c;--dot-against:#6fb1ff;--grid:#2d3034;--link:#8ab8f0;--good:#7fd0a0;--mid:#e6b860;
--low:#f09a90}img{filter:invert(1)}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",
"DejaVu Sans",sans-serif}
header,main,footer{max-width:54rem;margin:0 auto;padding:0 1rem}
h1{font-size:1.7rem;line-height:1.2;margin:2rem 0 .5rem}
h2{font-size:1.35rem;line-height:1.25;margin:2.5rem 0 .4rem;padding-top:1rem;border-top:2px solid var(--rule)}
h3{font-size:1.12rem;margin:2rem 0 .4rem}
h4{font-size:1rem;margin:1.4rem 0 .4rem}
h1,h2,h3,p,li,dd,td,th,figcaption,summary{overflow-wrap:anywhere}
th,td{overflow-wrap:normal}
p{margin:.5rem 0}
a{color:var(--link)}
.lead{font-size:1.08rem}
.lead strong{font-variant-numeric:tabular-nums}
.note,figcaption,caption{color:var(--muted);font-size:.86rem;line-height:1.45}
.trust{border-left:4px solid var(--muted);padding:.35rem .8rem;background:var(--panel);margin:.6rem 0}
.trust.high{border-color:var(--good)}.trust.medium{border-color:var(--mid)}.trust.low{border-color:var(--low)}
.warning{border-left:4px double var(--mid);padding:.2rem .8rem;margin:.5rem 0}
figure{margin:1.2rem 0}
figcaption{margin-top:.4rem}
.run,.lead,.trust,.note,figcaption{max-width:46rem}
.run{font-size:1.06rem;line-height:2;white-space:pre-wrap;overflow-wrap:anywhere;margin:.3rem 0}
.t{unicode-bidi:isolate;border-radius:.2em;padding:.14em 0;-webkit-box-decoration-break:clone;
box-decoration-break:clone;-webkit-print-color-adjust:exact;print-color-adjust:exact}
.t.for{background:rgba(var(--for),var(--a))}
.t.against{background:rgba(var(--against),var(--a))}
.t.strong{font-weight:600;text-decoration:underline 2px;text-underline-offset:.22em}
.t.strong.against{text-decoration-style:dotted}
.n{font-size:.68em;color:var(--muted);margin:0 .15em;font-variant-numeric:tabular-nums;white-space:nowrap;
vertical-align:.45em;line-height:1}
.special,.faint{color:var(--muted)}
.scale{display:inline-block;width:9em;height:.75em;border-radius:2px;vertical-align:-.05em;
background:linear-gradient(90deg,rgba(var(--against),.8),rgba(var(--against),.06) 50%,rgba(var(--for),.06) 50%,
rgba(var(--for),.8));-webkit-print-color-adjust:exact;print-color-adjust:exact}
.scroll{overflow:auto;max-width:100%;-webkit-overflow-scrolling:touch}
.scroll:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.tall{max-height:27rem;border-bottom:1px solid var(--rule)}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums;margin:.6rem 0}
caption{text-align:left;padding-bottom:.3rem;position:sticky;left:0;width:max-content;
max-width:min(46rem,calc(100vw - 2.2rem))}
th,td{padding:.22rem .5rem;text-align:right;border-bottom:1px solid var(--rule);vertical-align:baseline}
th{font-weight:600}
thead th{border-bottom:2px solid var(--muted);vertical-align:bottom}
.tall thead th{position:sticky;top:0;background:var(--paper);border-bottom:0;box-shadow:inset 0 -2px var(--muted)}
th:first-child,td:first-child,.left{text-align:left}
tbody th{font-weight:400;white-space:nowrap}
td.token,th.token{unicode-bidi:isolate;white-space:pre-wrap;overflow-wrap:break-word;max-width:14rem}
th button,.methods button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer}
th button::after{content:"\2195";color:var(--muted);font-weight:400;font-size:.85em}
th[aria-sort=descending] button::after{content:"\2193"}
th[aria-sort=ascending] button::after{content:"\2191"}
.methods{display:flex;flex-wrap:wrap;gap:.4rem;margin:1rem 0}
.methods button{border:1px solid var(--muted);border-radius:1rem;padding:.2rem .8rem;min-height:2rem}
.methods button[aria-pressed=true]{background:var(--ink);color:var(--paper)}
button:focus-visible,summary:focus-visible,a:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.off,.paper{display:none}
details{margin:1rem 0;border-top:1px solid var(--rule)}
summary{cursor:pointer;padding:.5rem 0;font-weight:600}
.pair{display:flex;flex-wrap:wrap;gap:0 1.5rem}
.pair figure{flex:1 1 20rem;min-width:0}
svg{display:block;height:auto}
.pair svg{max-width:100%}
.wide svg{width:100%;min-width:40rem;max-width:45rem}
svg text{font:12px "DejaVu Sans",Verdana,sans-serif;fill:var(--ink)}
svg .note{font-size:11px;fill:var(--muted)}svg .label{font-size:11px}
svg .for{fill:var(--dot-for);stroke:none}svg .against{fill:var(--dot-against);stroke:none}
svg .dot{stroke:var(--paper);stroke-width:1}
svg .mark{fill:none;stroke:var(--ink);stroke-width:1.5}
svg line,svg polyline{fill:none;stroke:var(--ink);stroke-width:1.5}
svg .axis{stroke:var(--muted);stroke-width:1}svg .grid{stroke:var(--grid);stroke-width:1}
svg .zero{stroke:var(--muted);stroke-width:1;stroke-dasharray:4 3}
svg .leader{stroke:var(--muted);stroke-width:.6}svg .dashed{stroke-dasharray:5 4}
.heads{display:grid;grid-template-columns:repeat(auto-fill,minmax(7rem,1fr));gap:.6rem}
.heads figure{margin:0}
.heads img{width:100%;height:auto;aspect-ratio:1;image-rendering:pixelated;border:1px solid #808080;background:#fff}
.heads figcaption{font-size:.75rem;margin:.1rem 0 0}
footer{margin:3rem auto 2rem;border-top:1px solid var(--rule);padding-top:.5rem}
@media (max-width:30rem){body{font-size:.96rem}h1{font-size:1.4rem}.run{line-height:1.95}
.heads{grid-template-columns:repeat(auto-fill,minmax(5.2rem,1fr))}}
@media print{:root{--ink:#000;--muted:#444;--paper:#fff;--panel:#fff;--rule:#bbb;--grid:#ddd;--for:232,120,20;
--against:60,130,215;--dot-for:#e07410;--dot-against:#2f78c8}header,main,footer{max-width:none;padding:0}
.run,.lead,.trust,.note,figcaption{max-width:none}img{filter:none}
.methods{display:none}.off{display:block}.tall{max-height:none;overflow:visible}.scroll{overflow:visible}
.wide svg{min-width:0;max-width:100%}.tall thead th{position:static}th button::after{content:none}
figure.drawn,tr,.trust{break-inside:avoid}thead{display:table-row-group}
.tall tbody tr:nth-child(n+31){display:none}.paper{display:block}html{font-size:10pt}h2,h3,h4{break-after:avoid}.heads{grid-template-columns:repeat(6,1fr)}}
)css";

constexpr std::string_view kScript = R"js(
for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    const key = row => {
      const cell = row.cells[column], number = cell.dataset.v;
      return number === undefined ? cell.textContent : number === '' ? null : Number(number);
    };
    button.addEventListener('click', () => {
      const first = heads[column].dataset.first || 'descending';
      const other = first === 'descending' ? 'ascending' : 'descending';
      const order = head.getAttribute('aria-sort') === first ? other : first;
      heads.forEach(h => h.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', order);
      const sign = order === 'ascending' ? 1 : -1;
      body.append(...[...body.rows].sort((r, s) => {
        const a = key(r), b = key(s);
        if (a === null || b === null) return (a === null) - (b === null);
        return sign * (typeof a === 'number' ? a - b : a.localeCompare(b));
      }));
    });
  });
}
for (const text of document.querySelectorAll('section.text')) {
  const methods = [...text.querySelectorAll('article.method')];
  if (methods.length < 2) continue;
  const group = document.createElement('div');
  group.className = 'methods';
  group.setAttribute('role', 'group');
  group.setAttribute('aria-label', 'Methods shown');
  const buttons = [null, ...methods].map(chosen => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = chosen ? chosen.querySelector('h3').textContent : 'All methods';
    button.setAttribute('aria-pressed', String(!chosen));
    button.addEventListener('click', () => {
      buttons.forEach(b => b.setAttribute('aria-pressed', String(b === button)));
      methods.forEach(m => m.classList.toggle('off', chosen !== null && m !== chosen));
    });
    return button;
  });
  group.append(...buttons);
  methods[0].before(group);
}
)js";

}  // namespace

std::string_view page_style() {
  return kStyle;
}
std::string_view page_script() {
  return kScript;
}

std::string base64(std::string_view bytes) {
  std::string out(BASE64_ENCODE_RAW_LENGTH(bytes.size()), '\0');
  base64_encode_raw(out.data(), bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  return out;
}

std::string script_hash() {
  sha256_ctx context;
  sha256_init(&context);
  sha256_update(&context, kScript.size(), reinterpret_cast<const std::uint8_t*>(kScript.data()));
  std::array<char, SHA256_DIGEST_SIZE> digest{};
  sha256_digest(&context, digest.size(), reinterpret_cast<std::uint8_t*>(digest.data()));
  return "sha256-" + base64({digest.data(), digest.size()});
}

std::string page_head(const std::string& title, std::string_view more_style) {
  return concat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'; script-src '",
      script_hash(),
      "'; base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
      escaped(title), "</title>\n<style>", page_style(), more_style, "</style>\n</head>\n");
}

}  // namespace slalom
