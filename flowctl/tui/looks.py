"""The actions that only look: everywhere, in lists, in texts. `does` is `method` or `method:argument`."""

from __future__ import annotations

from flowctl.tui.actions import Action, Group

EVERYWHERE = (
    Action("prompt.command", (":",), "type a command", Group.GLOBAL, does="do_prompt"),
    Action("prompt.palette", (";", "ctrl+p"), "find any action", Group.GLOBAL, does="do_palette"),
    Action("prompt.filter", ("/",), "filter a list, search a text", Group.FILTER, does="do_search"),
    Action("help", ("?", "f1"), "explain the keys that work here", Group.GLOBAL, does="do_help"),
    Action("back", ("escape",), "drop, clear, or go out", Group.GLOBAL, does="do_escape"),
    Action("quit", ("q",), "go out; at the outermost, end", Group.GLOBAL, does="do_quit"),
    Action("view.back", ("[",), "back to where you were", Group.GLOBAL, does="do_history:-1"),
    Action("view.forward", ("]",), "forward again", Group.GLOBAL, does="do_history:1"),
    Action("view.last", ("`",), "the place before this, and back", Group.GLOBAL, does="do_last"),
    Action("network", ("@",), "show one network, or all", Group.GLOBAL, does="do_network"),
    Action("copy.command", ("Y",), "copy the command of this", Group.GLOBAL, does="do_copy_command"),
    Action("full", ("f",), "the view alone, without bars", Group.GLOBAL, does="do_full"),
    Action("refresh", ("r", "ctrl+r"), "look again now", Group.GLOBAL, does="do_refresh"),
    Action("messages", ("H",), "what was said and done, with times", Group.GLOBAL, does="do_messages"),
    Action("menu", ("0",), "menu: views, recipes, dead letters, themes, help", Group.VIEWS, does="do_menu"),
    Action("undo", ("z",), "undo the last change", Group.GLOBAL, does="do_undo"),
    Action("redo", ("Z",), "redo what was undone", Group.GLOBAL, does="do_redo"),
)  # fmt: skip

LISTS = (
    Action("list.down", ("j", "down"), "down", Group.MOVE, "list", does="do_move:1"),
    Action("list.up", ("k", "up"), "up", Group.MOVE, "list", does="do_move:-1"),
    Action("list.page-down", ("pagedown", "ctrl+f"), "a page down", Group.MOVE, "list", does="do_page:1"),
    Action("list.page-up", ("pageup",), "a page up", Group.MOVE, "list", does="do_page:-1"),
    Action("list.half-down", (")", "ctrl+d"), "half a page down", Group.MOVE, "list", does="do_page:0.5"),
    Action("list.half-up", ("(", "ctrl+u"), "half a page up", Group.MOVE, "list", does="do_page:-0.5"),
    Action("list.top", ("g", "home"), "the first", Group.MOVE, "list", does="do_edge:-1"),
    Action("list.bottom", ("G", "end"), "the last", Group.MOVE, "list", does="do_edge:1"),
    Action("list.sort-next", (">",), "sort by the next column", Group.FILTER, "list", does="do_sort:1"),
    Action("list.sort-last", ("<",), "sort by the column before", Group.FILTER, "list", does="do_sort:-1"),
    Action("list.reverse", ("o",), "turn the order round", Group.FILTER, "list", does="do_reverse"),
    Action("list.wide", ("w",), "all columns", Group.FILTER, "list", does="do_wide"),
    Action("list.faults", ("F",), "only what is not as it should be", Group.FILTER, "list", does="do_faults"),
    Action("mark.one", ("space",), "mark, and go on", Group.MARK, "list", does="do_mark"),
    Action("mark.range", ("V",), "mark from the last mark to here", Group.MARK, "list", does="do_mark_range"),
    Action("mark.all", ("*",), "mark all that the filter shows", Group.MARK, "list", does="do_mark_all"),
    Action("mark.none", ("U",), "unmark all", Group.MARK, "list", does="do_unmark"),
)  # fmt: skip

_LOGGED = frozenset({"network", "processor", "socket", "worker", "agent", "node", "deployment"})

OBJECTS = (
    Action("look.open", ("enter",), "open", Group.LOOK, "object", does="do_enter"),
    Action("look.describe", ("d",), "describe: everything about it", Group.LOOK, "object", does="do_open:describe"),
    Action("look.yaml", ("y",), "the same as YAML", Group.LOOK, "object", does="do_open:yaml"),
    Action("look.logs", ("l",), "logs", Group.LOOK, "object", _LOGGED, does="do_open:logs"),
    Action("copy.name", ("c",), "copy its name", Group.LOOK, "pick", does="do_copy_name"),
)  # fmt: skip

TEXTS = (
    Action("text.down", ("j", "down"), "down", Group.TEXT, "text", does="do_move:1"),
    Action("text.up", ("k", "up"), "up", Group.TEXT, "text", does="do_move:-1"),
    Action("text.page-down", ("pagedown", "space", "ctrl+f"), "a page down", Group.TEXT, "text", does="do_page:1"),
    Action("text.page-up", ("pageup",), "a page up", Group.TEXT, "text", does="do_page:-1"),
    Action("text.half-down", (")", "ctrl+d"), "half a page down", Group.TEXT, "text", does="do_page:0.5"),
    Action("text.half-up", ("(", "ctrl+u"), "half a page up", Group.TEXT, "text", does="do_page:-0.5"),
    Action("text.top", ("g", "home"), "the beginning", Group.TEXT, "text", does="do_edge:-1"),
    Action("text.bottom", ("G", "end"), "the end", Group.TEXT, "text", does="do_edge:1"),
    Action("text.left", ("left",), "to the left", Group.TEXT, "text", does="do_shift:-8"),
    Action("text.right", ("right",), "to the right", Group.TEXT, "text", does="do_shift:8"),
    Action("text.next", ("n",), "the next match", Group.TEXT, "text", does="do_find:1"),
    Action("text.last", ("N",), "the match before", Group.TEXT, "text", does="do_find:-1"),
    Action("text.wrap", ("w",), "wrap long lines", Group.TEXT, "text", does="do_wrap"),
    Action("text.only", ("&",), "only what matches", Group.TEXT, "text", does="do_only_matches"),
    Action("text.copy", ("c",), "copy all of it", Group.TEXT, "text", does="do_copy_text"),
    Action("text.save", ("W",), "save it to a file", Group.TEXT, "text", does="do_save_text"),
)  # fmt: skip
