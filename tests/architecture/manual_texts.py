"""What champ(1) says beside the verbs, in both languages.

Invariant: no verb or option is explained here; a test holds both languages to the same rows.
"""

from __future__ import annotations

from champ_offline.errors import ExitCode

Both = dict[str, str]

HEADINGS: dict[str, Both] = {
    "en": {
        "name": "NAME", "synopsis": "SYNOPSIS", "description": "DESCRIPTION",
        "options": "OPTIONS OF EVERY VERB", "codes": "EXIT STATUS", "environment": "ENVIRONMENT",
        "files": "FILES", "examples": "EXAMPLES", "see": "SEE ALSO",
    },
    "zh": {
        "name": "名称", "synopsis": "用法", "description": "说明", "options": "所有命令通用的选项",
        "codes": "退出状态", "environment": "环境变量", "files": "文件", "examples": "示例",
        "see": "另请参阅",
    },
}  # fmt: skip
NAME: Both = {
    "en": "signed bundles, an offline registry and reviewed changes for closed networks",
    "zh": "面向封闭网络的签名离线包、离线镜像仓库与先审后改",
}
DESCRIPTION: dict[str, tuple[str, ...]] = {
    "en": (
        (
            "`champ` packs container images, Helm charts and preset apps into signed bundles,"
            " carries them on ordinary media, verifies every byte, serves the images inside a"
            " closed network and installs apps on its Kubernetes clusters from plans that were"
            " reviewed."
        ),
        (
            "Results go to standard output as a table, JSON or YAML; progress and messages go to"
            " standard error. An error is one sentence, what to do, and an id that never changes."
        ),
        "Without a verb, on a terminal, the screens open.",
    ),
    "zh": (
        (
            "`champ` 把容器镜像、Helm chart 和预置应用打成签名的离线包，用普通介质携带，"
            "逐字节校验，"
            "在封闭网络内提供镜像，并按审核过的计划在其 Kubernetes 集群上安装应用。"
        ),
        (
            "结果以表格、JSON 或 YAML 写到标准输出；进度和消息写到标准错误。"
            "错误包括一句话、处理办法，以及一个永不更改的编号。"
        ),
        "在终端上不带命令运行时，打开交互界面。",
    ),
}
CODES: dict[ExitCode, Both] = {
    ExitCode.OK: {
        "en": "done; also when there was nothing to do", "zh": "完成；无事可做时也是如此",
    },
    ExitCode.INTERNAL: {
        "en": "internal error; a report file is named", "zh": "内部错误；会给出报告文件",
    },
    ExitCode.USAGE: {
        "en": "the command, or a file a person wrote, is wrong", "zh": "命令或人写的文件有误",
    },
    ExitCode.TRUST_REFUSED: {
        "en": "a signature, a root, a version or a zone is not trusted",
        "zh": "签名、信任根、版本或网区不受信任",
    },
    ExitCode.PREFLIGHT: {
        "en": "a check failed; nothing was changed", "zh": "检查未通过；未作任何改动",
    },
    ExitCode.PUT_BACK: {
        "en": "it failed and everything was put back", "zh": "失败，且已全部恢复原状",
    },
    ExitCode.NEEDS_PERSON: {
        "en": "it failed and a person must look", "zh": "失败，需要人工处理",
    },
    ExitCode.APPROVAL_MISSING: {
        "en": "a confirmation or approval is missing", "zh": "缺少确认或批准",
    },
    ExitCode.LOCKED: {
        "en": "somebody else is changing the zone", "zh": "他人正在更改本网区",
    },
    ExitCode.MEDIUM_MISSING: {
        "en": "the next medium of the bundle is needed", "zh": "需要离线包的下一个介质",
    },
    ExitCode.PLAN_HAS_CHANGES: {
        "en": "the plan has changes (`plan --exit-code`)",
        "zh": "计划中有改动（`plan --exit-code`）",
    },
    ExitCode.CORRUPT: {"en": "a checksum does not fit", "zh": "校验和不符"},
    ExitCode.TRUNCATED: {
        "en": "a file is shorter than it must be", "zh": "文件比应有的短",
    },
    ExitCode.DOCUMENT_ALTERED: {
        "en": "a signed document was changed or cannot be read", "zh": "签名文档被改动或无法读取",
    },
    ExitCode.NOT_FOUND: {"en": "what was named does not exist", "zh": "指定的对象不存在"},
    ExitCode.INTERRUPTED: {"en": "interrupted (Ctrl-C)", "zh": "被中断（Ctrl-C）"},
    ExitCode.TERMINATED: {"en": "ended by SIGTERM", "zh": "被 SIGTERM 终止"},
}  # fmt: skip
ENVIRONMENT: dict[str, Both] = {
    "CHAMP_ZONE": {
        "en": "The zone's folder, where no --zone is given.",
        "zh": "未给出 --zone 时，网区的文件夹。",
    },
    "CHAMP_LANG": {
        "en": "The language, en or zh; else LC_ALL, LC_MESSAGES and LANG decide.",
        "zh": "语言，en 或 zh；否则由 LC_ALL、LC_MESSAGES 和 LANG 决定。",
    },
    "CHAMP_MEDIA": {
        "en": "A folder in which the screens look for media.",
        "zh": "交互界面查找介质的文件夹。",
    },
    "KUBECONFIG": {
        "en": "The cluster's kubeconfig, where neither --cluster nor --kubeconfig is given.",
        "zh": "未给出 --cluster 或 --kubeconfig 时，集群的 kubeconfig。",
    },
    "XDG_CACHE_HOME": {
        "en": "Where the connected side keeps what it fetched; ~/.cache otherwise.",
        "zh": "联网侧存放已获取内容的位置；默认为 ~/.cache。",
    },
}
FILES: dict[str, Both] = {
    "DIR/champ.db": {
        "en": "Everything mutable of the zone in DIR.", "zh": "DIR 中网区的全部可变数据。",
    },
    "DIR/store/": {
        "en": "Verified content, by its digest.", "zh": "已校验的内容，按摘要存放。",
    },
    "DIR/pki/ca.crt": {
        "en": "The zone's certificate authority, which nodes trust.",
        "zh": "网区的证书颁发机构，由节点信任。",
    },
    "root.json": {
        "en": "The public root that bundles are checked under; made by `champ trust init`.",
        "zh": "校验离线包所依据的公开信任根；由 `champ trust init` 生成。",
    },
    "bundle.yaml, bundle.lock": {
        "en": "A recipe, and its references pinned to digests.",
        "zh": "配方，以及固定到摘要的引用。",
    },
    "/etc/containerd/certs.d/_default/hosts.toml": {
        "en": "A node's mirror file, written by `champ node trust`.",
        "zh": "节点的镜像站文件，由 `champ node trust` 写入。",
    },
}  # fmt: skip
EXAMPLES: tuple[tuple[Both, tuple[str, ...]], ...] = (
    (
        {"en": "On the connected side:", "zh": "在联网侧："},
        (
            'champ trust init /srv/signing --holder "Release team"',
            "champ lock bundles/orthanc-1.10/bundle.yaml",
            "champ pack bundles/orthanc-1.10/bundle.yaml --signing /srv/signing --out /media/stick",
        ),
    ),
    (
        {"en": "In a zone:", "zh": "在网区内："},
        (
            "champ verify /media/stick --root root.json",
            "champ --zone /srv/champ import /media/stick",
            "champ --zone /srv/champ plan orthanc --answers answers.yaml --out orthanc.plan",
            "champ --zone /srv/champ apply orthanc.plan --confirm orthanc",
            "champ --zone /srv/champ status",
            "champ --zone /srv/champ rollback orthanc",
        ),
    ),
)
SEE_ALSO: Both = {
    "en": "helm(1), kubectl(1), cosign(1); the documents in docs/ and champ_offline/errors.md.",
    "zh": "helm(1)、kubectl(1)、cosign(1)；docs/ 中的文档和 champ_offline/errors.md。",
}
