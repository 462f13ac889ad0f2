#include "http/accept_encoding.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace weir {
namespace {

using enum ContentCoding;

constexpr std::array order = {br, zstd, gzip, deflate};

AcceptEncoding accept(std::initializer_list<std::string_view> lines) {
  Fields fields;
  fields.add("Accept", "text/html, br");
  for (const std::string_view line : lines) fields.add(FieldId::accept_encoding, line);
  return AcceptEncoding(fields);
}

ContentCoding chosen(std::string_view line) { return accept({line}).choose(order); }

// --- RFC 9110 12.5.3 and 12.4.2 once more, naively, in words of their own ---

struct Element {
  std::string name;
  std::optional<double> weight;  // nullopt: it can't be read
};

std::string without_blanks(const std::string& text) {
  const std::size_t from = text.find_first_not_of(" \t"), to = text.find_last_not_of(" \t");
  return from == std::string::npos ? "" : text.substr(from, to - from + 1);
}

std::optional<double> model_weight(const std::string& text) {
  const std::string low = [&] {
    std::string out = text;
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
  }();
  if (low.rfind("q=", 0) != 0) return std::nullopt;
  for (int thousandth = 0; thousandth <= 1000; ++thousandth) {
    char whole[16];
    std::snprintf(whole, sizeof whole, "%d.%03d", thousandth / 1000, thousandth % 1000);
    // All spellings: 0.500 0.50 0.5, and 0.000 0.00 0.0 0. 0
    for (std::string form = whole;; form.pop_back()) {
      if (low.substr(2) == form) return thousandth / 1000.0;
      if (form.back() == '.') {
        form.pop_back();
        if (low.substr(2) == form) return thousandth / 1000.0;
        break;
      }
      if (form.back() != '0') break;
    }
  }
  return std::nullopt;
}

std::vector<Element> model_elements(const std::string& text) {
  std::vector<Element> out;
  std::string rest = text + ",";
  for (std::size_t comma = rest.find(','); comma != std::string::npos; comma = rest.find(',')) {
    const std::string item = without_blanks(rest.substr(0, comma));
    rest.erase(0, comma + 1);
    if (item.empty()) continue;
    const std::size_t semicolon = item.find(';');
    Element element{without_blanks(item.substr(0, semicolon)), 1.0};
    for (char& c : element.name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (element.name == "x-gzip") element.name = "gzip";
    if (semicolon != std::string::npos)
      element.weight = model_weight(without_blanks(item.substr(semicolon + 1)));
    out.push_back(element);
  }
  return out;
}

// nullopt: nothing is said of it.
std::optional<double> model_said(const std::vector<Element>& elements, const std::string& name) {
  std::optional<double> out;
  for (const Element& element : elements)
    if (element.name == name && element.weight) out = std::min(*element.weight, out.value_or(1.0));
  return out;
}

bool model_named(const std::vector<Element>& elements, const std::string& name) {
  return std::any_of(elements.begin(), elements.end(),
                     [&](const Element& element) { return element.name == name; });
}

double model_weight_of(const std::vector<Element>& elements, const std::string& name) {
  const auto said = model_said(elements, name), any = model_said(elements, "*");
  if (said) return *said;
  if (name == "identity") {
    if (!model_named(elements, name) && any && *any == 0.0) return 0;
    return 0.001;
  }
  return model_named(elements, name) ? 0 : any.value_or(0);
}

std::string model_choice(const std::vector<Element>& elements) {
  double most = 0;
  for (const char* name : {"br", "zstd", "gzip", "deflate"})
    most = std::max(most, model_weight_of(elements, name));
  if (most == 0 || most < model_weight_of(elements, "identity")) return "identity";
  for (const char* name : {"br", "zstd", "gzip", "deflate"})
    if (model_weight_of(elements, name) == most) return name;
  return "identity";
}

std::string random_field(std::mt19937& random) {
  const auto pick = [&random](const auto& list) { return list[random() % std::size(list)]; };
  static const char* const names[] = {"gzip", "br",       "zstd", "deflate",  "identity", "*",
                                      "GZip", "x-gzip",   "x",    "compress", "Identity", "",
                                      "bR",   "identity", "*",    "gzip br"};
  static const char* const weights[] = {
      "",         ";q=1",   ";q=0",      "; q=0.5",    ";Q=0.5",   ";q=0.500", ";q=0.001",
      ";q=1.000", ";q=0.",  " ;\tq=0.9", ";q=1.001",   ";q=2",     ";q=-1",    ";q=0.0000",
      ";q",       ";q=",    ";",         ";x=1;q=0.5", ";q=0.5;x", "; q =1",   ";q=.5",
      ";q=0,5",   ";q=1e0", ";q=0.33",   ";q=0.999"};
  static const char* const commas[] = {",", ", ", " ,", ",,", "\t, \t"};
  std::string out;
  for (std::size_t left = random() % 7; left > 0; --left) {
    out += pick(names);
    out += pick(weights);
    if (left > 1) out += pick(commas);
  }
  return out;
}

}  // namespace

TEST_CASE("accept-encoding: the examples of RFC 9110") {
  CHECK(chosen("compress, gzip") == gzip);
  CHECK(chosen("") == identity);
  CHECK(chosen("*") == br);
  CHECK(chosen("compress;q=0.5, gzip;q=1.0") == gzip);
  CHECK(chosen("gzip;q=1.0, identity; q=0.5, *;q=0") == gzip);
}

TEST_CASE("accept-encoding: who says nothing, or nothing but an empty field, gets identity") {
  CHECK(accept({}).choose(order) == identity);
  CHECK(accept({}).accepts(identity));
  CHECK_FALSE(accept({}).accepts(gzip));
  CHECK(accept({""}).choose(order) == identity);
  CHECK(accept({", ,"}).accepts(identity));
}

TEST_CASE("accept-encoding: the best weight wins, and of equal ones the first that is configured") {
  CHECK(chosen("gzip, deflate, br, zstd") == br);
  CHECK(chosen("gzip, deflate, br;q=0.9, zstd") == zstd);
  CHECK(chosen("gzip;q=0.2, deflate;q=0.3") == deflate);
  const std::array other = {gzip, br};
  CHECK(accept({"br, gzip"}).choose(other) == gzip);
  CHECK(accept({"zstd, deflate"}).choose(other) == identity);
  CHECK(accept({"gzip"}).choose({}) == identity);
  CHECK(accept({"deflate", "gzip"}).choose(order) == gzip);  // lines are one list
}

TEST_CASE("accept-encoding: identity wins where it is liked better, and not where it is unsaid") {
  CHECK(chosen("gzip;q=0.001") == gzip);
  CHECK(chosen("gzip;q=0.5, identity;q=0.6") == identity);
  CHECK(chosen("gzip;q=0.5, identity;q=0.5") == gzip);
  CHECK(chosen("gzip, identity") == gzip);
  CHECK(chosen("*;q=0.5, gzip;q=0.1") == br);
}

TEST_CASE("accept-encoding: what is refused is refused, by name or by what stands for all others") {
  CHECK_FALSE(accept({"gzip;q=0"}).accepts(gzip));
  CHECK_FALSE(accept({"*, br;q=0.000"}).accepts(br));
  CHECK(chosen("*, br;q=0") == zstd);
  CHECK_FALSE(accept({"identity;q=0"}).accepts(identity));
  CHECK_FALSE(accept({"*;q=0"}).accepts(identity));
  CHECK(accept({"*;q=0, identity"}).weight(identity) == 1000);
  CHECK(accept({"*;q=0.5"}).accepts(identity));
  // Nothing is left: identity, which is no worse than 406.
  CHECK(chosen("*;q=0") == identity);
  CHECK(chosen("identity;q=0") == identity);
  CHECK(chosen("identity;q=0, gzip;q=0.001") == gzip);
}

TEST_CASE("accept-encoding: what can't be read is not taken for consent") {
  for (const char* line :
       {"gzip;q=1.001", "gzip;q=2", "gzip;q=-0",    "gzip;q=0.0001",  "gzip;q=.5",   "gzip;q",
        "gzip;",        "gzip;q=",  "gzip;level=9", "gzip;q=1;x=2",   "gzip; q = 1", "gzip q=1",
        "gzip/1",       "\"gzip\"", "gzip;q=\"1\"", "x=\", gzip, \"", "gzipped",     "gzip;q=1.",
        "gzip;q=0;q=1", "**",       "* *"}) {
    CAPTURE(line);
    const bool readable = std::string_view(line) == "gzip;q=1.";
    CHECK(accept({line}).accepts(gzip) == readable);
    CHECK(accept({line}).accepts(identity));
  }
  CHECK_FALSE(accept({"*, gzip;q=0.0000"}).accepts(gzip));
  CHECK(accept({"gzip;q=9, gzip;q=0.4"}).weight(gzip) == 400);
}

TEST_CASE("accept-encoding: of what stands twice the smaller weight counts; x-gzip is gzip") {
  CHECK(accept({"gzip, gzip;q=0.3"}).weight(gzip) == 300);
  CHECK(accept({"x-gzip;q=0.2", "GZIP"}).weight(gzip) == 200);
  CHECK(accept({"X-GZip"}).accepts(gzip));
  CHECK(accept({"*;q=0.7, *;q=0.4"}).weight(zstd) == 400);
}

TEST_CASE("accept-encoding: any field means what a plain reading of the RFC says") {
  std::mt19937 random(9110);
  for (int round = 0; round < 3000; ++round) {
    const std::string first = random_field(random), second = random_field(random);
    const bool two = round % 3 == 0;
    CAPTURE(first);
    CAPTURE(second);
    const AcceptEncoding ours = two ? accept({first, second}) : accept({first});
    auto elements = model_elements(first);
    if (two) {
      const auto more = model_elements(second);
      elements.insert(elements.end(), more.begin(), more.end());
    }
    for (std::size_t at = 0; at < content_codings; ++at) {
      const auto coding = static_cast<ContentCoding>(at);
      CAPTURE(coding_name(coding));
      CHECK(ours.weight(coding) ==
            std::lround(1000 * model_weight_of(elements, std::string(coding_name(coding)))));
    }
    CHECK(coding_name(ours.choose(order)) == model_choice(elements));
  }
}

}  // namespace weir
