#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pack-viewer.sh FOLDER FILE.js...: writes to standard output the C arrays viewer_head and viewer_tail, the page of the
# flame graph viewer before and after its data: FOLDER/viewer.html with viewer.css and the scripts in it,
# comments and white space gone, and the hashes of both in its content security policy.
set -eu
export LC_ALL=C
folder=$1
shift
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# White space stays only where it parts words, or + and +. Literals stay as they are: strings, templates without
# templates inside, expressions (a slash where a value may begin). Statements end in semicolons in all files, no loop has an
# empty body, and const, which is longer than let, has done its work when node --check and the tests are through.
squeeze_js() {
    awk '
    function word(c) { return c ~ /[A-Za-z0-9_$]/ }
    function put(s,    c) {
        c = substr(s, 1, 1)
        if (held && c != "}")
            printf ";"
        held = s == ";"
        if (held) { gap = 0; last = s; return }
        if (gap && (word(last) && word(c) || (c == last && (c == "+" || c == "-"))))
            printf " "
        printf "%s", s
        last = substr(s, length(s), 1)
        gap = 0
    }
    function literal(line, i, quote,    j, c, set) { # the index of its end
        for (j = i + 1; j <= length(line); j++) {
            c = substr(line, j, 1)
            if (c == "\\") j++
            else if (quote == "/" && c == "[") set = 1
            else if (quote == "/" && c == "]") set = 0
            else if (c == quote && !set) return j
        }
        print FILENAME ": " FNR ": a literal without an end" > "/dev/stderr"
        exit 1
    }
    /^[ \t]*\/\// { next }
    {
        gap = 1
        for (i = 1; i <= length($0); i++) {
            c = substr($0, i, 1)
            if (c == " " || c == "\t") { gap = 1; continue }
            if (c == "\"" || c == "\047" || c == "`" || (c == "/" && last ~ /[(,=:\[!&|?{};>]/)) {
                j = literal($0, i, c)
                put(substr($0, i, j - i + 1))
                i = j
            } else
                put(c)
        }
    }
    /^}/ { print ""; gap = 0 }
    END { if (held) printf ";" }' "$@" | sed -E 's/\<const([ {[])/let\1/g' | shorten_globals
}

# Names of the browser's that are in many places get a letter; no name of ours is one capital letter.
shorten_globals() {
    printf 'let M=Math,O=Object,D=document,U=Uint32Array,F=Float64Array,B=Uint8Array,I=Int32Array;'
    sed -E 's/\<Math\./M./g; s/\<Object\./O./g; s/\<document\./D./g; s/\<new Uint32Array\>/new U/g; s/\<new Float64Array\>/new F/g
        s/\<new Uint8Array\>/new B/g; s/\<new Int32Array\>/new I/g'
}

squeeze_css() {
    sed -E '/^\/\*.*\*\/$/d; s/^[ \t]+//; s/ *([{};,]) */\1/g; s/: +/:/g; s/;}/}/g' "$1" | tr -d '\n'
}

hash_of() {
    # shellcheck disable=SC2059 # the text is made here
    printf "$(sha256sum <"$1" | cut -c1-64 | sed 's/../\\x&/g')" | base64
}

bytes_of() { # NAME FILE
    echo "static const unsigned char $1[] = {"
    od -An -v -tu1 "$2" | sed -E 's/ +([0-9]+)/\1,/g'
    echo '};'
}

{
    printf '"use strict";(()=>{'
    squeeze_js "${@/#/$folder/}"
    printf '})()'
} >"$tmp/js"
squeeze_css "$folder/viewer.css" >"$tmp/css"
csp="default-src 'none'; script-src 'sha256-$(hash_of "$tmp/js")'; style-src 'sha256-$(hash_of "$tmp/css")'; img-src data:; base-uri 'none'; form-action 'none'"

# The marks are on lines of their own kind: what is before a mark, what it stands for, what is after it.
sed -E 's/^[ \t]+//' "$folder/viewer.html" | awk -v csp="$csp" -v css="$tmp/css" -v js="$tmp/js" '
    function file(name,    line, sep) {
        while ((getline line < name) > 0) { printf "%s%s", sep, line; sep = "\n" }
    }
    match($0, /@[A-Z]+@/) {
        mark = substr($0, RSTART, RLENGTH)
        printf "%s", substr($0, 1, RSTART - 1)
        if (mark == "@CSP@") printf "%s", csp
        else if (mark == "@CSS@") file(css)
        else if (mark == "@JS@") file(js)
        else printf "%s", mark
        print substr($0, RSTART + RLENGTH)
        next
    }
    { print }' >"$tmp/page"

awk -v RS='@DATA@' -v ORS='' -v head="$tmp/head" -v tail="$tmp/tail" '{ print > (NR == 1 ? head : tail) }' "$tmp/page"
echo '/* Made by scripts/pack-viewer.sh. */'
bytes_of viewer_head "$tmp/head"
bytes_of viewer_tail "$tmp/tail"
