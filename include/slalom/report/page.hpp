// Explained texts as one page of HTML.
#pragma once

#include <string>
#include <vector>

#include "slalom/report/reported_text.hpp"

namespace slalom {

/// A page that needs nothing but itself: no file, no network; a content security policy forbids both, and
/// every script but the page's own, which only sorts tables and shows one method at a time. It can be read
/// without script, in light and dark, on paper, on a phone, and with a screen reader: a number or a line
/// stands beside every colour. The same texts give the same bytes. Throws Error without texts, and as check()
/// does.
std::string page_html(const std::vector<ReportedText>& texts, const std::string& title);

}  // namespace slalom
