#!/bin/sh
# CHAMP Offline @VERSION@ for x86-64 Linux, in one file:
#
#     sh champ.sh [arguments]
#
# The first start unpacks the program, once, into a folder where programs may run; later starts use
# what is there. CHAMP_UNPACK=DIR names the folder. Needs sh, tar, gzip and the usual small tools.
# What follows the text is a compressed archive of @LENGTH@ bytes.
set -u

NAME='@NAME@'
HEADER=@HEADER@
HEADER_BYTES=@HEADER_BYTES@
PAYLOAD=@PAYLOAD@
LENGTH=@LENGTH@
ENTRIES=@ENTRIES@
KILOBYTES=@KILOBYTES@
SLOT=@SLOT@
SLOT_BYTES=@SLOT_BYTES@
KERNEL_MAJOR=@KERNEL_MAJOR@
KERNEL_MINOR=@KERNEL_MINOR@
# As `champ` ends: a check failed, a checksum does not fit, a file is too short.
PREFLIGHT=4
CORRUPT=11
TRUNCATED=12

base='' partial='' lock='' trial='' made='' reasons=''

# The text of two that the reader understands. The console of Linux has no Chinese
# characters; those of the older encodings (GBK, Big5) are not in this file.
word() {
    case ${TERM:-}:${CHAMP_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}} in
        linux:* | *.[gGbB]*) printf '%s\n' "$1" ;;
        *:[zZ][hH]*) printf '%s\n' "$2" ;;
        *) printf '%s\n' "$1" ;;
    esac
}

tell() {
    word "champ.sh: $1" "champ.sh：$2" >&2
}

# End with exit code $1 and say why.
refuse() {
    tell "$2" "$3"
    exit "$1"
}

# Leave nothing behind; at every end but that of a good start.
tidy() {
    [ -z "$partial" ] || rm -rf -- "$partial"
    [ -z "$trial" ] || rm -f -- "$trial"
    [ -z "$lock" ] || rm -f -- "$lock"
    if [ -n "$made" ] && rmdir -- "$made" 2>/dev/null; then
        case ${made%/*} in */champ-offline*) rmdir -- "${made%/*}" 2>/dev/null ;; esac
    fi
    partial='' lock='' trial='' made=''
}

# ---- Machine and file ----

check_machine() {
    set -- $(uname -srm)
    [ "$1-$3" = Linux-x86_64 ] || refuse $PREFLIGHT \
        "This is for Linux on x86_64; here is ${1} on ${3}. Use another machine." \
        "本程序只能在 x86_64 的 Linux 上运行；当前是 ${3} 上的 ${1}。请换一台机器。"
    major=${2%%.*} minor=${2#*.}
    minor=${minor%%[!0-9]*}
    [ $((major * 1000 + ${minor:-0})) -ge $((KERNEL_MAJOR * 1000 + KERNEL_MINOR)) ] || refuse $PREFLIGHT \
        "The kernel here is ${2}; the oldest that will do is $KERNEL_MAJOR.$KERNEL_MINOR." \
        "当前内核为 ${2}，最低要求 $KERNEL_MAJOR.$KERNEL_MINOR。"
}

check_tools() {
    for tool in chmod cp dd df find gzip ln ls mkdir mv readlink rm rmdir sed sha256sum tar wc; do
        command -v $tool >/dev/null || refuse $PREFLIGHT \
            "The program “${tool}” is missing on this machine. Install it." \
            "本机缺少程序“${tool}”。请先安装它。"
    done
}

sha256() {
    digest=$(sha256sum) && printf '%s\n' "${digest%% *}"
}

# Whether the file $1 is what was built, byte for byte; ends if not.
check_file() {
    size=$(wc -c <"$1") || refuse $PREFLIGHT "“${self}” cannot be read." "无法读取“${self}”。"
    [ "$size" -ge $((HEADER_BYTES + LENGTH)) ] || refuse $TRUNCATED \
        "“${self}” is cut off: $((size)) bytes instead of $((HEADER_BYTES + LENGTH)). Copy it again." \
        "“${self}”不完整：只有 $((size)) 字节，应为 $((HEADER_BYTES + LENGTH)) 字节。请重新复制。"
    header=$(dd if="$1" bs=$HEADER_BYTES count=1 2>/dev/null | sed 's/^HEADER=.*/HEADER=/' | sha256)
    payload=$(dd if="$1" bs=$HEADER_BYTES skip=1 2>/dev/null | sha256)
    [ "$size" -eq $((HEADER_BYTES + LENGTH)) ] && [ "$header-$payload" = "$HEADER-$PAYLOAD" ] ||
        refuse $CORRUPT \
            "“${self}” is damaged: its checksum does not fit. Copy it again, or use another stick." \
            "“${self}”已损坏：校验和不符。请重新复制，或换一个 U 盘。"
}

# ---- Folders ----

# Whether nobody but this user and root can change what is in the folder $1, an absolute path
# without links: so with the folder itself and with each one that it is in.
trusted() {
    [ ! -k "$1" ] || return 1
    parent=$1
    set --
    until [ "$parent" = / ]; do
        set -- "$@" "$parent"
        parent=${parent%/*}
        parent=${parent:-/}
    done
    LC_ALL=C ls -ldn / "$@" 2>/dev/null | {
        seen=0
        while read -r mode _ owner group _; do
            seen=$((seen + 1))
            case $owner in 0 | "$user") ;; *) exit 1 ;; esac
            case $mode in
                d????????[tT]*) ;;
                d???????w*) exit 1 ;;
                d????w*) [ "$group" = 0 ] || own_group "$group" || exit 1 ;;
                d*) ;;
                *) exit 1 ;;
            esac
        done
        [ $seen -eq $(($# + 1)) ]
    }
}

# A group of one, as many systems make it with each user.
own_group() {
    [ "$(id -g)" = "$1" ] && [ "$(id -gn)" = "$(id -un)" ]
}

# Whether the folder $1 holds this very program, whole, and was made for the place it lies in.
ready() {
    [ -x "$1/champ" ] && [ -f "$1/unpacked" ] && IFS= read -r place <"$1/unpacked" &&
        [ "$place" = "$1" ] && trusted "$1" && [ $(($(find "$1" | wc -l))) -eq $ENTRIES ]
}

# Whether the program was unpacked into the folder $1 before; it is $program then.
unpacked_before() {
    program=$(cd -- "$1" 2>/dev/null && pwd -P)/$NAME && ready "$program"
}

# Calls $1 with one folder after the other, until that succeeds.
each_place() {
    case ${CHAMP_UNPACK:-} in
        '') ;;
        /*) "$1" "$CHAMP_UNPACK"; return ;;
        *) "$1" "./$CHAMP_UNPACK"; return ;;
    esac
    "$1" /opt/champ-offline/versions && return
    case ${XDG_CACHE_HOME:-} in
        /*) "$1" "$XDG_CACHE_HOME/champ-offline/versions" && return ;;
        *) case ${HOME:-} in
            /*) "$1" "${HOME%/}/.cache/champ-offline/versions" && return ;;
        esac ;;
    esac
    for shared in /var/tmp /tmp; do
        "$1" "$shared/champ-offline-$user/versions" && return
    done
    return 1
}

# Note why the folder $1 is none to unpack into.
unfit() {
    tidy
    reasons="$reasons
  $1: $(word "$2" "$3")"
    return 1
}

# Whether the program can be unpacked into the folder $1, and run there; it is $base then.
usable() {
    [ -d "$1" ] || made=$1
    mkdir -p -- "$1" 2>/dev/null && base=$(cd -- "$1" && pwd -P) ||
        { unfit "$1" "cannot be made" "无法创建"; return; }
    case $base in
        *'
'*) unfit "$1" "has a line break in its name" "名称中有换行"; return ;;
    esac
    trusted "$base" ||
        { unfit "$1" "others may write to it, or to a folder it is in" "其他用户可写入该目录或其上级目录"; return; }
    trial=$base/.trial-$$
    { printf '#!/bin/sh\nexit 0\n' >"$trial" && chmod 755 "$trial"; } 2>/dev/null ||
        { unfit "$1" "cannot be written to" "无法写入"; return; }
    "$trial" 2>/dev/null ||
        { unfit "$1" "programs cannot be run there (noexec?)" "不允许运行程序（noexec？）"; return; }
    rm -f -- "$trial"
    trial=''
    [ "$(printf '%s' "$base/$NAME/glibc/ld-linux-x86-64.so.2" | wc -c)" -lt $SLOT_BYTES ] ||
        { unfit "$1" "the path is too long" "路径过长"; return; }
    free=$(LC_ALL=C df -Pk "$base" 2>/dev/null | sed -n '$s/.* \([0-9][0-9]*\)  *[0-9]*% .*/\1/p')
    [ "${free:-$KILOBYTES}" -ge $KILOBYTES ] ||
        { unfit "$1" "$((free * 1024 / 1000000)) MB free, $((KILOBYTES * 1024 / 1000000)) needed" \
            "可用空间 $((free * 1024 / 1000000)) MB，需要 $((KILOBYTES * 1024 / 1000000)) MB"; return; }
}

# ---- One at a time ----

# When process $1 was started, in ticks since the machine was: ids are used again (proc(5), stat).
started() {
    IFS= read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
    set -- ${stat##*) }
    shift 19
    printf '%s\n' "$1"
}

# The lock is a link that leads to "process:start"; one whose process is gone holds nobody up.
take_lock() {
    mine=$$:$(started $$)
    waited='' tries=0
    until ln -s "$mine" "$base/.lock" 2>/dev/null; do
        holder=$(readlink "$base/.lock") || {
            tries=$((tries + 1))
            [ $tries -lt 100 ] || refuse $PREFLIGHT \
                "“${base}” takes no symbolic links. Name another folder: CHAMP_UNPACK=DIR." \
                "“${base}”不支持符号链接。请用 CHAMP_UNPACK=目录 指定其他目录。"
            continue
        }
        if [ "$(started "${holder%%:*}" 2>/dev/null)" != "${holder#*:}" ]; then
            mv -f -- "$base/.lock" "$base/.lock-$$" 2>/dev/null && rm -f -- "$base/.lock-$$"
            continue
        fi
        [ -n "$waited" ] || [ ! -t 2 ] || tell "Process ${holder%%:*} is unpacking; waiting for it." \
            "进程 ${holder%%:*} 正在解包，请等待。"
        waited=yes
        sleep 0.2 2>/dev/null || sleep 1
    done
    lock=$base/.lock
}

# ---- Unpack and start ----

unpack() {
    final=$base/$NAME
    [ ! -t 2 ] || tell "Unpacking to “${final}”, once ..." "首次运行，正在解包到“${final}”……"
    rm -rf -- "$base"/.unpacking-* "$base"/.replaced-*
    partial=$base/.unpacking-$$
    mkdir -- "$partial" && cp -- "$self" "$partial/champ.sh" && chmod 755 "$partial/champ.sh" ||
        refuse $PREFLIGHT "“${self}” cannot be copied to “${base}”." "无法将“${self}”复制到“${base}”。"
    check_file "$partial/champ.sh"
    # What goes wrong there goes wrong for each of hundreds of files; one sentence says it.
    { dd if="$partial/champ.sh" bs=$HEADER_BYTES skip=1 | gzip -dc | tar -xof - -C "$partial"; } \
        2>/dev/null &&
        printf '%s\000' "$final/glibc/ld-linux-x86-64.so.2" |
        dd of="$partial/champ" bs=1 seek=$SLOT conv=notrunc 2>/dev/null &&
        printf '%s\n' "$final" >"$partial/unpacked" &&
        [ $(($(find "$partial" | wc -l))) -eq $ENTRIES ] ||
        refuse $PREFLIGHT "“${base}” did not take all of it. Is the disk full?" \
            "未能完整解包到“${base}”。磁盘是否已满？"
    # On the disk before it has its name: a power cut leaves all of it or nothing.
    sync -f "$partial/champ" 2>/dev/null || sync
    [ ! -e "$final" ] || mv -- "$final" "$base/.replaced-$$" 2>/dev/null
    mv -- "$partial" "$final" || refuse $PREFLIGHT \
        "“${final}” cannot be made." "无法创建“${final}”。"
    partial=''
    rm -rf -- "$base/.replaced-$$"
}

find_or_unpack() {
    each_place unpacked_before && return
    check_tools
    mask=$(umask)
    umask 022
    each_place usable || refuse $PREFLIGHT \
        "There is no folder to unpack into:$reasons
Name one: CHAMP_UNPACK=DIR sh champ.sh ..." \
        "没有可用于解包的目录：$reasons
请指定一个：CHAMP_UNPACK=目录 sh champ.sh ……"
    take_lock
    program=$base/$NAME
    ready "$program" || unpack
    made=''
    tidy
    umask "$mask"
}

main() {
    case $0 in */*) self=$0 ;; *) self=./$0 ;; esac
    [ -f "$self" ] && [ -r "$self" ] || refuse $PREFLIGHT \
        "“${self}” cannot be read. Start it as: sh /path/to/champ.sh" \
        "无法读取“${self}”。请这样启动：sh /路径/champ.sh"
    check_machine
    user=$(id -u)
    trap tidy EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    find_or_unpack
    trap - EXIT HUP INT TERM
}

main
exec "$program/champ" "$@"
