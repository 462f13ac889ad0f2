// [admin] and [log]: how weir is watched.
#include "conf/directive.h"

namespace weir::conf {
namespace {

constexpr Directive rows[] = {
    list<&AdminConf::listens>({.name = "listen",
                               .kinds = in_admin,
                               .syntax = "ADDRESS:PORT | unix:PATH [mode=MODE]",
                               .reload = Reload::restart,
                               .doc = "Where weir is controlled and watched. A Unix socket (mode "
                                      "0660 without a word) takes the commands "
                                      "of weirctl and of weir -s; an address answers read-only "
                                      "HTTP: /status and /healthz. Who can "
                                      "connect there can read what weir does: keep it on loopback.",
                               .example = "unix:/run/weir/admin.sock mode=0660"}),
    row<&LogConf::path>(
        {.name = "path",
         .kinds = in_log,
         .syntax = "PATH | stderr",
         .doc = "The file of this log. It is opened anew on USR1 and by weirctl reopen.",
         .example = "/var/log/weir/access.log"}),
    row<&LogConf::format>({.name = "format",
                           .kinds = in_log,
                           .syntax = "combined | json | \"TEXT\"",
                           .fallback = "combined",
                           .doc = "What a line holds: combined is nginx's, byte for byte; json has "
                                  "fixed keys; a text in double "
                                  "quotes has $variables (see VARIABLES).",
                           .example = "\"$remote_addr $request_time $request\""}),
    row<&LogConf::escape>(
        {.name = "escape",
         .kinds = in_log,
         .syntax = "default | json | none",
         .fallback = "default",
         .doc = "How the values of variables are written in a format of your own. default: quotes, "
                "backslashes and "
                "bytes that are not printable ASCII as \\\\xHH; json: as inside a JSON string.",
         .example = "json"}),
    planned("sink", in_log, "Where lines go instead of a file: syslog, SQLite, PostgreSQL."),
    planned("sample", in_log, "The share of requests that is logged."),
    planned("keep", in_log, "How long rows of a database are kept."),
    planned("redact", in_log, "Header fields whose values are not logged."),
};

}  // namespace

Table log_directives() { return table_of(rows); }

}  // namespace weir::conf
