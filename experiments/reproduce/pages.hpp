// Pages made of studies' pages and of prose with their numbers.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace slalom::reproduce {

using KnownNumber = std::function<std::optional<double>(const std::string& study, const std::string& name)>;
/// "{STUDY:NAME}" or "{STUDY:NAME:DIGITS}" becomes that study's number with so many digits, three without; a
/// number that is not there becomes "not measured". Throws Error naming `where` for other braces.
std::string filled(const std::string& text, const KnownNumber& number, const std::string& where);

/// INPUT/STUDY/README.md, its headings one level lower, its pictures copied to OUTPUT/results and named after
/// the study.
std::string part_of_page(const std::string& study, const std::string& input, const std::string& output);

/// A page that needs nothing but itself, of the Markdown that pages here are written in: headings, tables,
/// pictures, lists, paragraphs. Pictures are SVG files of the folder and become part of it.
std::string html_page(const std::string& markdown, const std::string& folder);

}  // namespace slalom::reproduce
