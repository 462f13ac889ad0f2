// Value: the words of one directive while they are read, and how each value type is read.
//
// One overload of parse_value() per type, one of print_value() that gives text which reads as the
// same value, one value_syntax<> for the manual. A parser says what is wrong through the Value and
// returns false; it leaves `out` alone then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/inputs.h"
#include "conf/lexer.h"
#include "conf/model.h"
#include "conf/report.h"

namespace weir::conf {

struct Directive;

// What the parsers of one load() share.
struct Scope {
  Report& report;
  Inputs& inputs;
  std::string_view prefix;
};

class Value {
 public:
  Value(Scope& scope, const Directive& directive, Where where, std::vector<Word> words)
      : scope_(scope), directive_(directive), where_(where), words_(std::move(words)) {}

  const std::vector<Word>& words() const { return words_; }
  const Word& first() const { return words_.front(); }
  const Directive& directive() const { return directive_; }
  Where where() const { return where_; }
  std::string_view prefix() const { return scope_.prefix; }
  std::string_view naming_file() const;  // what relative inputs are relative to
  Inputs& inputs() const { return scope_.inputs; }

  // How many words there may be; says what is missing or too much.
  bool has_words(std::size_t least, std::size_t most);
  bool is(std::string_view word) const { return words_.size() == 1 && first().text == word; }

  // All of these return false, so that a parser can `return value.bad(...)`.
  bool bad(const Word& word, std::string text, std::string hint = {});
  bool bad(std::string text, std::string hint = {});
  bool unknown(const Word& word, const std::vector<std::string_view>& known);
  bool not_built(const Word& word, std::string_view what);
  bool bad_secret(std::string text, std::string hint = {});  // without showing the line

  // "name=value" words: the value when `word` is that option.
  static bool option(const Word& word, std::string_view name, std::string_view& value);

 private:
  Scope& scope_;
  const Directive& directive_;
  Where where_;
  std::vector<Word> words_;
};

bool is_host_name(std::string_view text);  // labels of letters, digits, - and _; 253 at most

// Text of one word, used by several parsers; nullopt for anything that is not exact.
std::optional<Duration> parse_duration(std::string_view text);  // "1m30s"; a bare 0
std::optional<Size> parse_size(std::string_view text);          // "10m"
std::string print_duration(Duration value);
std::string print_size(Size value);

// One word that is a template; says what is wrong with it and is false then.
bool parse_template(Value& value, const Word& word, Template& out);

// The words of an enumeration. `built` false: known and refused.
template <class E>
struct EnumWord {
  std::string_view word;
  E value;
  bool built = true;
};
const std::vector<EnumWord<Affinity>>& enum_words(Affinity);
const std::vector<EnumWord<WhenAllDown>>& enum_words(WhenAllDown);
const std::vector<EnumWord<CacheEviction>>& enum_words(CacheEviction);
const std::vector<EnumWord<CompressUpstream>>& enum_words(CompressUpstream);
const std::vector<EnumWord<LogEscape>>& enum_words(LogEscape);
const std::vector<EnumWord<Underscores>>& enum_words(Underscores);

template <class T>
constexpr std::string_view value_syntax = "TEXT";
template <>
inline constexpr std::string_view value_syntax<bool> = "on | off";
template <>
inline constexpr std::string_view value_syntax<std::uint32_t> = "NUMBER";
template <>
inline constexpr std::string_view value_syntax<AutoCount> = "auto | NUMBER";
template <>
inline constexpr std::string_view value_syntax<Duration> = "TIME";
template <>
inline constexpr std::string_view value_syntax<Size> = "SIZE";
template <>
inline constexpr std::string_view value_syntax<OptionalTime> = "off | TIME";
template <>
inline constexpr std::string_view value_syntax<CacheEviction> = "s3fifo | lru";
template <>
inline constexpr std::string_view value_syntax<WhenAllDown> = "try | fail";
template <>
inline constexpr std::string_view value_syntax<InputPath> = "PATH";
template <>
inline constexpr std::string_view value_syntax<OutputPath> = "PATH";
template <>
inline constexpr std::string_view value_syntax<OptionalFolder> = "FOLDER | off";
template <>
inline constexpr std::string_view value_syntax<TlsProtocols> = "TLSv1.2 | TLSv1.3 ...";

// One value.
bool parse_value(Value& value, bool& out);
bool parse_value(Value& value, std::uint32_t& out);
bool parse_value(Value& value, AutoCount& out);
bool parse_value(Value& value, Duration& out);
bool parse_value(Value& value, Size& out);
bool parse_value(Value& value, std::string& out);
bool parse_value(Value& value, InputPath& out);
bool parse_value(Value& value, OutputPath& out);
bool parse_value(Value& value, OptionalFolder& out);
bool parse_value(Value& value, LogFile& out);
bool parse_value(Value& value, ErrorLog& out);
bool parse_value(Value& value, LogFormat& out);
bool parse_value(Value& value, TlsProtocols& out);
bool parse_value(Value& value, MinRate& out);
bool parse_value(Value& value, std::vector<Cidr>& out);
bool parse_value(Value& value, UpstreamRef& out);
bool parse_value(Value& value, ReturnConf& out);
bool parse_value(Value& value, std::vector<AuthRef>& out);
bool parse_value(Value& value, AccessLogs& out);
bool parse_value(Value& value, PathMatch& out);
bool parse_value(Value& value, Affinity& out);
bool parse_value(Value& value, WhenAllDown& out);
bool parse_value(Value& value, BalanceConf& out);
bool parse_value(Value& value, QueueConf& out);
bool parse_value(Value& value, HealthCheckConf& out);
bool parse_value(Value& value, FailOn& out);
bool parse_value(Value& value, ResolverConf& out);
bool parse_value(Value& value, RetryConf& out);
bool parse_value(Value& value, HedgeConf& out);
bool parse_value(Value& value, StickyConf& out);
bool parse_value(Value& value, LogEscape& out);
bool parse_value(Value& value, OptionalTime& out);
bool parse_value(Value& value, CacheEviction& out);
bool parse_value(Value& value, StatusTtls& out);
bool parse_value(Value& value, ForwardedSet& out);
bool parse_value(Value& value, CacheMethods& out);
bool parse_value(Value& value, FieldNames& out);
bool parse_value(Value& value, Conditions& out);
bool parse_value(Value& value, CacheRef& out);
bool parse_value(Value& value, CacheKey& out);
bool parse_value(Value& value, CodingList& out);
bool parse_value(Value& value, CodingLevels& out);
bool parse_value(Value& value, CachedLevels& out);
bool parse_value(Value& value, CompressUpstream& out);
bool parse_value(Value& value, MediaTypes& out);
bool parse_value(Value& value, Underscores& out);

// One line of a list.
bool parse_item(Value& value, std::vector<ListenConf>& out);
bool parse_item(Value& value, std::vector<ServerLine>& out);
bool parse_item(Value& value, std::vector<DiscoverConf>& out);
bool parse_item(Value& value, std::vector<ApiKey>& out);
bool parse_item(Value& value, std::vector<ServerName>& out);
bool parse_item(Value& value, std::vector<CertificateConf>& out);
bool parse_item(Value& value, std::vector<CertificateKeyConf>& out);
bool parse_item(Value& value, std::vector<RewriteConf>& out);
bool parse_item(Value& value, std::vector<HeaderEdit>& out);

std::string print_value(bool value);
std::string print_value(std::uint32_t value);
std::string print_value(AutoCount value);
std::string print_value(Duration value);
std::string print_value(Size value);
std::string print_value(const std::string& value);
std::string print_value(const InputPath& value);
std::string print_value(const OutputPath& value);
std::string print_value(const OptionalFolder& value);
std::string print_value(const LogFile& value);
std::string print_value(const ErrorLog& value);
std::string print_value(const LogFormat& value);
std::string print_value(TlsProtocols value);
std::string print_value(const MinRate& value);
std::string print_value(const std::vector<Cidr>& value);
std::string print_value(const UpstreamRef& value);
std::string print_value(const ReturnConf& value);
std::string print_value(const std::vector<AuthRef>& value);
std::string print_value(const AccessLogs& value);
std::string print_value(const PathMatch& value);
std::string print_value(Affinity value);
std::string print_value(WhenAllDown value);
std::string print_value(const BalanceConf& value);
std::string print_value(const QueueConf& value);
std::string print_value(const HealthCheckConf& value);
std::string print_value(FailOn value);
std::string print_value(const ResolverConf& value);
std::string print_value(const RetryConf& value);
std::string print_value(const HedgeConf& value);
std::string print_value(const StickyConf& value);
std::string print_value(LogEscape value);
std::string print_value(const OptionalTime& value);
std::string print_value(CacheEviction value);
std::string print_value(const StatusTtls& value);
std::string print_value(ForwardedSet value);
std::string print_value(const CacheMethods& value);
std::string print_value(const FieldNames& value);
std::string print_value(const Conditions& value);
std::string print_value(const CacheRef& value);
std::string print_value(const CacheKey& value);
std::string print_value(const CodingList& value);
std::string print_value(const CodingLevels& value);
std::string print_value(const CachedLevels& value);
std::string print_value(CompressUpstream value);
std::string print_value(const MediaTypes& value);
std::string print_value(Underscores value);
std::string print_value(const ListenConf& value);
std::string print_value(const ServerLine& value);
std::string print_value(const DiscoverConf& value);
std::string print_value(const ApiKey& value);  // masked
std::string print_value(const ServerName& value);
std::string print_value(const CertificateConf& value);
std::string print_value(const CertificateKeyConf& value);
std::string print_value(const RewriteConf& value);
std::string print_value(const HeaderEdit& value);

}  // namespace weir::conf
