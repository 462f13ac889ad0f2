// weir.ini(5), in mdoc.
#include <fmt/format.h>

#include "base/format.h"
#include "base/text.h"
#include "conf/manual.h"
#include "conf/prose.h"
#include "http/variables.h"

namespace weir::conf {
namespace {

constexpr std::size_t width = 76;

constexpr std::string_view page_head = R"(.Dd November 23, 2026
.Dt WEIR.INI 5
.Os
.Sh NAME
.Nm weir.ini
.Nd configuration of the weir reverse proxy
.Sh DESCRIPTION
.Xr weir 8
reads its configuration when it starts and when it is told to reload.
A reload that finds any error changes nothing.
.Pp
A directive is a line
.Ql name = value ;
only
.Ql =
separates the two.
Empty lines, and lines that begin with
.Ql #
or
.Ql \&; ,
mean nothing; a comment owns its whole line.
A line
.Ql [kind]
or
.Ql [kind NAME]
begins a section, and nothing may follow its
.Ql \&] .
Names of sections are made of a\-z, 0\-9, _ and \-, and have at most 30
characters.
Sections do not nest: they refer to each other by name.
Each section stands once; so does a directive in a section, unless its text says
that it may be repeated.
.Pp
The words of a value are separated by blanks.
A word with blanks stands in double quotes, in which
.Ql \e\(dq ,
.Ql \e\e ,
.Ql \en ,
.Ql \et
and
.Ql \er
are the only escapes.
Outside of quotes a backslash is just that.
.Pp
A TIME has a unit: ms, s, m, h, d or w, also one after the other
.Pq Ql 1m30s .
A SIZE is in bytes, or has a unit of k, m or g: powers of 1024.
.Pp
Files that are read (included ones, certificates, keys) are relative to the file
that names them.
Files that are written (pid, logs, state, sockets) are relative to the prefix,
which is
.Fl p
or the current folder.
.Ss Inheritance
A server starts as a copy of
.Ql [defaults] ,
a location as a copy of its server.
A value that is set again replaces the inherited one;
.Ql add_header ,
.Ql set_header
and
.Ql remove_header
add to it, and
.Ql off
clears it.
.Ql weir \-T
shows for each value where it comes from.
)";

constexpr std::string_view page_tail = R"(.Sh FILES
.Bl -tag -width /etc/weir/weir.ini -compact
.It Pa /etc/weir/weir.ini
The configuration, unless
.Fl c
names another.
.El
.Sh EXAMPLES
TLS in front of two origins, with an API key for one path:
.Bd -literal -offset indent
[upstream api]
server = 10.0.0.11:8080
server = 10.0.0.12:8080

[api_keys partners]
file = keys/partners.keys

[server web]
listen = 443 ssl
server_name = example.com *.example.com
ssl_certificate = tls/example.pem
ssl_certificate_key = tls/example.key
upstream = api

[location partners]
server = web
path = /partners/
auth = api_keys:partners
.Ed
.Sh SEE ALSO
.Xr weir 8
.Pp
.Ql weir \-\-explain NAME
prints what this page says of one directive.
)";

// mdoc takes a '\' for an escape and makes a hyphen of a '-'.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

// Lines of text; a dot or a quote at the beginning of one would be a request.
std::string filled(std::string_view text) {
  std::string lines = wrapped(escaped(text), width, "");
  for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1) {
    if (lines[at] == '.' || lines[at] == '\'') lines.insert(at, "\\&");
  }
  return lines;
}

// Inside an argument of a macro.
std::string argument(std::string_view text) {
  std::string out;
  for (const char c : escaped(text)) {
    if (c == '"')
      out += "\\(dq";
    else
      out += c;
  }
  return '"' + out + '"';
}

std::string paragraph(std::string_view text) {
  std::string out;
  for (const std::string& sentence : sentences(text)) out += filled(sentence);
  return out;
}

class Page {
 public:
  std::string run() {
    out_ = page_head;
    kinds();
    line(".Sh DIRECTIVES");
    for (const Part& part : parts()) directives(part);
    not_built();
    variables();
    out_ += page_tail;
    return std::move(out_);
  }

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    append_format(out_, format, std::forward<Args>(args)...);
    out_ += '\n';
  }

  void kinds() {
    line(".Ss Sections");
    line(".Bl -tag -width \"[location NAME]\"");
    for (std::size_t at = 0; at < kind_count; ++at) {
      const KindRow& kind = kind_row(static_cast<Kind>(at));
      if (!kind.built) continue;
      line(".It Li [{}{}]", kind.name, kind.named ? " Ar NAME" : "");
      out_ += paragraph(kind.doc);
    }
    line(".El");
    // The bracket must not stand apart from the name.
    for (std::size_t at = 0; (at = out_.find(" Ar NAME]", at)) != out_.npos;) {
      out_.replace(at, 9, " NAME]");
    }
  }

  void directives(const Part& part) {
    bool any = false;
    for (const Directive* directive : part.rows) {
      if (!directive->built) continue;
      if (!any) {
        line(".Ss {}", part.title);
        line(".Bl -tag -width Ds");
        any = true;
      }
      this->directive(*directive);
    }
    if (any) line(".El");
  }

  void directive(const Directive& directive) {
    line(".It Ic {}", directive.name);
    line(".Bl -tag -width \"Sections:\" -compact");
    const std::string range = directive.shown_range();
    field("Syntax:", fmt::format("{} = {}{}", directive.name, directive.syntax,
                                 range.empty() ? "" : fmt::format(" ({})", range)));
    field("Default:", directive.fallback.empty()
                          ? std::string("none")
                          : fmt::format("{} = {}", directive.name, directive.fallback));
    field("Sections:", sections_of(directive));
    field("Since:", std::string(directive.since));
    field("Change:", change_of(directive));
    if (!directive.nginx.empty()) field("nginx:", std::string(directive.nginx));
    line(".El");
    line(".Pp");
    out_ += paragraph(directive.doc);
    line(".Bd -literal -offset indent");
    line("{}", escaped(fmt::format("{} = {}", directive.name, directive.example)));
    line(".Ed");
  }

  void field(std::string_view label, const std::string& text) {
    line(".It {}", label);
    // A cipher list has no blank to break at.
    std::string broken;
    std::size_t column = 0;
    for (const char c : text) {
      broken += c;
      ++column;
      if (c == ' ') column = 0;
      if (c == ':' && column > width - 30) {
        broken += ' ';
        column = 0;
      }
    }
    out_ += filled(broken);
  }

  void not_built() {
    line(".Sh NOT BUILT YET");
    line("These are known and refused, with a message that says so:");
    line(".Bl -tag -width \"[upstream]\"");
    for (std::size_t at = 0; at < kind_count; ++at) {
      const auto kind = static_cast<Kind>(at);
      std::string names;
      for (const Directive* directive : all_directives()) {
        const bool first_kind = (directive->kinds & (in(kind)-1)) == 0;
        if (directive->built || (directive->kinds & in(kind)) == 0 || !first_kind) continue;
        names.append(names.empty() ? "" : ", ").append(directive->name);
      }
      if (names.empty()) continue;
      line(".It Li [{}]", kind_row(kind).name);
      out_ += filled(names);
    }
    line(".El");
    line(".Pp");
    out_ += paragraph(
        "The same goes for the options http2 and proxy_protocol of listen, for those of server in "
        "[upstream] (weight, max_conns, max_fails, fail_timeout, slow_start, backup, down, drain), "
        "for other words of balance than round_robin, and for auth = jwt:NAME.");
  }

  void variables() {
    line(".Sh VARIABLES");
    out_ += paragraph(
        "Texts that may have variables write them as $name or ${name}; $$ is a dollar sign. Of a "
        "name below that ends in NAME, the rest chooses.");
    line(".Bl -tag -width Ds");
    for (const Variable& variable : weir::variables()) {
      line(".It Va {}", argument(fmt::format("${}{}", variable.name,
                                             variable.name.ends_with('_') ? "NAME" : "")));
      out_ += paragraph(variable.doc);
    }
    line(".It Va {}", argument("$1 ... $9"));
    out_ += paragraph("The groups of the regular expression that matched.");
    line(".El");
  }

  std::string out_;
};

}  // namespace

std::string manual_page() { return Page().run(); }

}  // namespace weir::conf
