// Style and script of a page.
#include <nettle/base64.h>
#include <nettle/sha2.h>

#include <array>

#include "slalom/base/error.hpp"
#include "slalom/report/page.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {

namespace {

constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--ink:#1b1b1b;--muted:#585858;--paper:#fff;--panel:#f6f6f4;--rule:#d8d8d4;
--for:232,120,20;--against:60,130,215;--link:#14549c;--good:#14663a;--mid:#7a4f00;--low:#a02020}
@media (prefers-color-scheme:dark){:root{--ink:#e8e6e3;--muted:#a9a7a3;--paper:#161719;--panel:#1f2124;
--rule:#3a3d41;--for:196,96,8;--against:38,104,190;--link:#8ab8f0;--good:#7fd0a0;--mid:#e6b860;--low:#f09a90}
img{filter:invert(1)}svg{filter:invert(.9) hue-rotate(180deg)}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,"Segoe UI","DejaVu Sans",sans-serif;
overflow-wrap:anywhere}
header,main,footer{max-width:54rem;margin:0 auto;padding:0 1rem}
h1{font-size:1.7rem;line-height:1.2;margin:2rem 0 .5rem}
h2{font-size:1.35rem;margin:2.5rem 0 .4rem;padding-top:1rem;border-top:2px solid var(--rule)}
h3,h4{font-size:1.05rem;margin:1.5rem 0 .4rem}
p{margin:.5rem 0}
a{color:var(--link)}
.note,figcaption,caption,.special{color:var(--muted)}
.note,figcaption,caption{font-size:.86rem;line-height:1.45}
.run,.lead,.trust,.note,figcaption{max-width:46rem}
.trust{border-left:4px solid var(--muted);padding:.35rem .8rem;background:var(--panel);margin:.6rem 0}
.trust.high{border-color:var(--good)}.trust.medium{border-color:var(--mid)}.trust.low{border-color:var(--low)}
.warning{border-left:4px double var(--mid);padding:.2rem .8rem;margin:.5rem 0}
figure{margin:1.2rem 0}
figcaption{margin-top:.4rem}
.run{font-size:1.06rem;line-height:2;white-space:pre-wrap;margin:.3rem 0}
.t{unicode-bidi:isolate;border-radius:.2em;padding:.14em 0;-webkit-box-decoration-break:clone;box-decoration-break:clone}
.t,.scale{-webkit-print-color-adjust:exact;print-color-adjust:exact}
.t.for{background:rgba(var(--for),var(--a))}
.t.against{background:rgba(var(--against),var(--a))}
.t.strong{font-weight:600;text-decoration:underline 2px;text-underline-offset:.22em}
.t.strong.against{text-decoration-style:dotted}
.n{font-size:.68em;color:var(--muted);margin:0 .15em;vertical-align:.45em;line-height:1;white-space:nowrap}
.scale{display:inline-block;width:9em;height:.75em;border-radius:2px;background:linear-gradient(90deg,
rgba(var(--against),.8),rgba(var(--against),.06) 50%,rgba(var(--for),.06) 50%,rgba(var(--for),.8))}
.scroll{overflow:auto;max-width:100%}
.tall{max-height:30rem;border-bottom:1px solid var(--rule)}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums;margin:.6rem 0}
caption{text-align:left;padding-bottom:.3rem;position:sticky;left:0;width:max-content;max-width:min(46rem,calc(100vw - 2.2rem))}
th,td{padding:.22rem .5rem;text-align:right;border-bottom:1px solid var(--rule);vertical-align:baseline;overflow-wrap:normal}
th:first-child,.left{text-align:left}
tbody th,td.left{unicode-bidi:isolate;white-space:pre-wrap;overflow-wrap:break-word;max-width:14rem}
tbody th{font-weight:400}
thead th{border-bottom:2px solid var(--muted);vertical-align:bottom}
.tall thead th{position:sticky;top:0;background:var(--paper)}
th button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer}
th button::after{content:"\2195";color:var(--muted)}
th[aria-sort=descending] button::after{content:"\2193"}
th[aria-sort=ascending] button::after{content:"\2191"}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
details{margin:1rem 0;border-top:1px solid var(--rule)}
summary{cursor:pointer;padding:.5rem 0;font-weight:600}
summary h3{display:inline}
.pair{display:flex;flex-wrap:wrap;gap:0 1.5rem}
.pair figure{flex:1 1 20rem;min-width:0}
svg{display:block;height:auto;max-width:100%}
.wide svg{min-width:40rem}
.heads{display:grid;grid-template-columns:repeat(auto-fill,minmax(6rem,1fr));gap:.6rem}
.heads figure{margin:0}
.heads img{width:100%;height:auto;image-rendering:pixelated;border:1px solid #808080}
footer{margin-top:3rem;border-top:1px solid var(--rule)}
@media print{:root{--ink:#000;--muted:#444;--paper:#fff;--panel:#fff;--rule:#bbb;--for:232,120,20;--against:60,130,215}
img,svg{filter:none}html{font-size:10pt}.tall{max-height:none}.scroll{overflow:visible}.wide svg{min-width:0}
.tall thead th{position:static}th button::after{content:none}figure.drawn,tr,.trust{break-inside:avoid}
thead{display:table-row-group}h2,h3,h4{break-after:avoid}}
)css";

// A number is what a cell begins with, as far as it is one; others come last.
constexpr std::string_view kScript = R"js(
for (const table of document.querySelectorAll('table')) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => {
    const words = column === 0 || head.className === 'left';
    const key = row => {
      const cell = row.cells[column].textContent;
      return words ? cell : parseFloat(cell.replace(/,(?=\d)/g, '').replace('\u2212', '-').replace(/^[^-.\d]+/, ''));
    };
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const before = head.getAttribute('aria-sort');
      const order = (before ? before === 'descending' : words) ? 'ascending' : 'descending';
      heads.forEach(h => h.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', order);
      const sign = order === 'ascending' ? 1 : -1;
      body.append(...[...body.rows].sort((r, s) => {
        const a = key(r), b = key(s);
        if (words) return sign * a.localeCompare(b);
        return Number.isNaN(a) - Number.isNaN(b) || sign * (a - b);
      }));
    });
  });
}
)js";

}  // namespace

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
      "<title>",
      escaped(title), "</title>\n<style>", kStyle, picture_style(), more_style, "</style>\n</head>\n");
}

std::string page_end() {
  return concat("</main>\n<footer class=\"note\">slalom ", SLALOM_VERSION, "</footer>\n<script>", kScript,
                "</script>\n</body>\n</html>\n");
}

}  // namespace slalom
