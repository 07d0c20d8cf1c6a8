"""The fixed texts of a node: its mounts, and the files its components read.

Invariant: nothing here differs from node to node, for inside its mount namespace every node has the
same paths.
"""

from __future__ import annotations

from collections.abc import Mapping

SERVICES = "10.96.0.0/16"
FIRST_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
PODS = "10.244.0.0/16"
PAUSE = "registry.k8s.io/pause:3.10"
COREDNS = "registry.k8s.io/coredns/coredns:v1.15.0"

# What a kubelet sets in the whole kernel if it is not so. The node is shown these values in place
# of the machine's, which stay as they are.
TUNABLES = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}

# A mount namespace is born with all mounts. One that kept a stick's would hold the stick, and one
# that kept another zone's network namespace would hold that.
LET_GO = r"""
awk '$3 ~ "^(vfat|exfat|fuse|nsfs)" {print $2}' /proc/mounts | xargs -r umount --lazy
"""

# Runs in a mount namespace of its own. All mounts that containers make go with it, and whatever
# is fixed by name (/run/containerd, /var/lib/kubelet, /var/log/pods) is this node's own.
# $1: the node's folder, $2: the binaries' folder.
PREPARE = (
    f"""
set -eu
{LET_GO}"""
    r"""
mount -n -t tmpfs -o mode=755 node "$1/run"
mkdir "$1/run/node" "$1/run/bin" "$1/run/netns" "$1/run/lock" "$1/run/tmp"
mount -n --bind "$1" "$1/run/node"
mount -n --bind "$2" "$1/run/bin"
mount -n --move "$1/run" /run
for component in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy; do
  ln -s bin/kube "/run/$component"
done
mount -n --bind /run/node/lib /var/lib
mount -n --bind /run/node/log /var/log
cd /run/node/tunables
find . -type f | while read -r file; do
  [ ! -e "/proc/sys/$file" ] || mount -n --bind "$file" "/proc/sys/$file"
done
cd /
mount -n --make-rshared /
touch /run/ready
exec sleep infinity
"""
)

CONTAINERD = f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
restrict_oom_score_adj = true
sandbox_image = "{PAUSE}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "/run/node/etc/net.d"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "/run/node/etc/certs.d"
"""

KUBELET = f"""\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
authentication:
  anonymous: {{enabled: false}}
  webhook: {{enabled: true}}
  x509: {{clientCAFile: /run/node/pki/ca.crt}}
authorization: {{mode: Webhook}}
tlsCertFile: /run/node/pki/node.crt
tlsPrivateKeyFile: /run/node/pki/node.key
clusterDNS: [{DNS_SERVICE}]
clusterDomain: cluster.local
resolvConf: /run/node/etc/resolv.conf
volumePluginDir: /var/lib/kubelet/volume-plugins
failSwapOn: false
localStorageCapacityIsolation: false
enforceNodeAllocatable: []
oomScoreAdj: 0
imageGCHighThresholdPercent: 100
evictionHard: {{imagefs.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%"}}
registryPullQPS: 0
serializeImagePulls: false
"""

PROXY = f"""\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: {PODS}
clientConnection: {{kubeconfig: /run/node/etc/proxy.kubeconfig}}
conntrack: {{maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}}
"""

POD_NETWORK: Mapping[str, object] = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipMasq": True,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "dataDir": "/var/lib/cni/networks",
                "ranges": [[{"subnet": "10.244.0.0/24"}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}
