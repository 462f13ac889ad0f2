// Completion for bash: the flags ask the program itself, the names come from the table.
#include <fmt/format.h>

#include <set>

#include "conf/manual.h"
#include "conf/prose.h"

namespace weir::conf {
namespace {

constexpr std::string_view script_head =
    "# bash completion for weir, weirctl and the tools. Made by `weir --print-completion`.\n"
    "\n"
    "_weir_directives=\"\n";

constexpr std::string_view script_tail = R"bash("

_weir() {
  local cur prev words cword
  _init_completion || return
  case $prev in
    -c | --config | -e | --error-log)
      _filedir
      return
      ;;
    -p | --prefix)
      _filedir -d
      return
      ;;
    -s | --signal)
      mapfile -t COMPREPLY < <(compgen -W 'stop quit reload reopen' -- "$cur")
      return
      ;;
    -g | --global)
      compopt -o nospace
      mapfile -t COMPREPLY < <(compgen -S = -W "$_weir_main" -- "$cur")
      return
      ;;
    --explain)
      mapfile -t COMPREPLY < <(compgen -W "$_weir_directives" -- "$cur")
      return
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$(_parse_help "$1" --help)" -- "$cur")
}

_weirctl() {
  local cur prev words cword
  _init_completion -n := || return
  if [[ $cur == -* && " ${words[*]:0:cword} " != *' purge '* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_parse_help "$1" --help)" -- "$cur")
  elif [[ $prev == -[csp] || $prev == --@(config|socket|prefix) ]]; then
    _filedir
  else
    _weirctl_command
  fi
}

# The instance that the words before mean knows its groups and peers.
_weirctl_command() {
  local at=1 place choices=
  while ((at < cword)) && [[ ${words[at]} == -* ]]; do
    [[ ${words[at]} == -[csp] || ${words[at]} == --@(config|socket|prefix) ]] && ((at++))
    ((at++))
  done
  place=$((cword - at))
  if ((place == 0)); then
    choices='status reload reopen stop quit check-zones upstream purge hash-key'
  elif [[ ${words[at]} == purge ]]; then
    [[ $prev == --@(prefix|tag|key|cache) ]] && return
    choices='--prefix --tag --key --all --cache --soft'
  elif [[ ${words[at]} != upstream ]]; then
    return
  elif ((place == 1)); then
    choices='list add remove weight drain disable enable'
  elif ((place == 2)); then
    choices=$("${words[@]:0:at}" upstream list --names 2>/dev/null)
  elif ((place == 3)) && [[ ${words[at + 1]} != @(list|add) ]]; then
    choices=$("${words[@]:0:at}" upstream list "${words[at + 2]}" --names 2>/dev/null)
  elif [[ ${words[at + 1]} == list ]]; then
    choices='--json --names'
  elif [[ ${words[at + 1]} == add ]]; then
    choices='weight= backup persist'
  else
    choices='persist'
  fi
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
  __ltrim_colon_completions "$cur"
}

_weir_tool() {
  local cur prev words cword
  _init_completion || return
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_parse_help "$1" --help)" -- "$cur")
  elif [[ $prev == --cert || $prev == --key || $prev == --cacert || $1 == *weir-top && $prev == -* ]]; then
    _filedir
  fi
}

complete -F _weir weir
complete -F _weirctl weirctl
complete -F _weir_tool weir-echo weir-load weir-top
)bash";

std::string list(Kinds kinds) {
  std::set<std::string_view> names;
  for (const Directive* directive : all_directives()) {
    if ((directive->kinds & kinds) != 0 && directive->built) names.insert(directive->name);
  }
  std::string all;
  for (const std::string_view name : names) all.append(name).append(" ");
  return wrapped(all, 98, "");
}

}  // namespace

std::string bash_completion() {
  constexpr Kinds every = static_cast<Kinds>((1U << kind_count) - 1);
  return fmt::format("{}{}\"\n_weir_main=\"\n{}{}", script_head, list(every), list(in_main),
                     script_tail);
}

}  // namespace weir::conf
