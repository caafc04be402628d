/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "array.h"
#include "cgrouppath.h"

#define ID  "3f4c1e8a9b7d60512f3e4d5c6b7a8990a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define ID2 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define UID "12345678-9abc-def0-1234-56789abcdef0"
#define U_D "12345678_9abc_def0_1234_56789abcdef0"
#define RAW "0123456789abcdef0123456789abcdef"

static const struct {
	const char *path, *runtime, *container, *pod, *unit, *slice;
} paths[] = {
	/* nothing */
	{ "", "", "", "", "", "" },
	{ "/", "", "", "", "", "" },
	{ "/user/build", "", "", "", "", "" },
	{ "/../..", "", "", "", "", "" },
	{ "//a///b//", "", "", "", "", "" },
	/* Docker */
	{ "/docker/" ID, "docker", ID, "", "", "" },
	{ "/docker/" ID "/init", "docker", ID, "", "", "" },
	{ "/docker/" ID "/docker/" ID2, "docker", ID2, "", "", "" },
	{ "/system.slice/docker-" ID ".scope", "docker", ID, "", "docker-" ID ".scope",
	  "system.slice" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/docker-" ID ".scope", "docker",
	  ID, "", "docker-" ID ".scope", "app.slice" },
	{ "/system.slice:docker:" ID, "docker", ID, "", "", "" },
	{ "/ecs/" RAW "/" ID, "container", ID, "", "", "" },
	{ "/ecstasks.slice/ecstasks-" RAW ".slice/docker-" ID ".scope", "docker", ID, "",
	  "docker-" ID ".scope", "ecstasks-" RAW ".slice" },
	{ "/ecs/" RAW "/" RAW "-1234567890", "ecs", RAW "-1234567890", "", "", "" },
	{ "/docker/buildkit/ox4qk8b2m7tj5w1z9c3v6n0pd", "buildkit", "ox4qk8b2m7tj5w1z9c3v6n0pd", "",
	  "", "" },
	{ "/../" ID, "container", ID, "", "", "" },
	/* containerd */
	{ "/default/" ID, "container", ID, "", "", "" },
	{ "/system.slice/nerdctl-" ID ".scope", "containerd", ID, "", "nerdctl-" ID ".scope",
	  "system.slice" },
	/* Kubernetes, the cgroupfs driver */
	{ "/kubepods/burstable/pod" UID "/" ID, "container", ID, UID, "", "" },
	{ "/kubepods/pod" UID "/" ID, "container", ID, UID, "", "" },
	{ "/kubepods/besteffort/pod" UID "/crio-" ID, "cri-o", ID, UID, "", "" },
	{ "/kubepods/besteffort/pod" UID "/crio-conmon-" ID, "", "", UID, "", "" },
	{ "/kubepods/burstable/pod" RAW "/" ID, "container", ID, RAW, "", "" },
	{ "/kubepods/burstable/pod" UID, "", "", UID, "", "" },
	/* … systemd's */
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" U_D
	  ".slice/cri-containerd-" ID ".scope",
	  "containerd", ID, UID, "cri-containerd-" ID ".scope",
	  "kubepods-burstable-pod" U_D ".slice" },
	{ "/kubepods.slice/kubepods-pod" U_D ".slice/docker-" ID ".scope", "docker", ID, UID,
	  "docker-" ID ".scope", "kubepods-pod" U_D ".slice" },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" RAW ".slice/crio-" ID
	  ".scope/container",
	  "cri-o", ID, RAW, "crio-" ID ".scope", "kubepods-besteffort-pod" RAW ".slice" },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" U_D
	  ".slice/crio-conmon-" ID ".scope",
	  "", "", UID, "crio-conmon-" ID ".scope", "kubepods-burstable-pod" U_D ".slice" },
	/* … containerd by cgroupfs while the kubelet is by systemd */
	{ "/system.slice/containerd.service/kubepods-burstable-pod" U_D ".slice:cri-containerd:" ID,
	  "containerd", ID, UID, "containerd.service", "system.slice" },
	/* … a node that is a container itself */
	{ "/docker/" ID2 "/kubelet/kubepods/burstable/pod" UID "/" ID, "container", ID, UID, "",
	  "" },
	{ "/system.slice/docker-" ID2
	  ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" U_D
	  ".slice/cri-containerd-" ID ".scope",
	  "containerd", ID, UID, "cri-containerd-" ID ".scope",
	  "kubelet-kubepods-pod" U_D ".slice" },
	/* Podman */
	{ "/machine.slice/libpod-" ID ".scope", "podman", ID, "", "libpod-" ID ".scope",
	  "machine.slice" },
	{ "/machine.slice/libpod-" ID ".scope/container", "podman", ID, "", "libpod-" ID ".scope",
	  "machine.slice" },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "", "", "", "libpod-conmon-" ID ".scope",
	  "machine.slice" },
	{ "/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", "podman", ID, "",
	  "libpod-" ID ".scope", "machine-libpod_pod_" ID2 ".slice" },
	{ "/libpod_parent/libpod-" ID, "podman", ID, "", "", "" },
	{ "/libpod_parent/conmon", "", "", "", "", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/web.service/libpod-payload-" ID,
	  "podman", ID, "", "web.service", "user.slice" },
	/* LXC, LXD, Incus, Proxmox */
	{ "/lxc/web", "lxc", "web", "", "", "" },
	{ "/lxc/100/ns/system.slice/cron.service", "lxc", "100", "", "cron.service",
	  "system.slice" },
	{ "/lxc.payload/web", "lxc", "web", "", "", "" },
	{ "/lxc.payload.web-1/system.slice/nginx.service", "lxc", "web-1", "", "nginx.service",
	  "system.slice" },
	{ "/lxc.monitor.web-1", "", "", "", "", "" },
	{ "/lxc.payload.host/docker/" ID, "docker", ID, "", "", "" },
	/* systemd-nspawn and machined */
	{ "/machine.slice/systemd-nspawn@web.service/payload/init.scope", "systemd-nspawn", "web",
	  "", "init.scope", "machine.slice" },
	{ "/machine.slice/systemd-nspawn@web.service/supervisor", "", "", "",
	  "systemd-nspawn@web.service", "machine.slice" },
	{ "/machine.slice/machine-my\\x2dbox.scope/payload", "systemd-nspawn", "my-box", "",
	  "machine-my\\x2dbox.scope", "machine.slice" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt", "", "", "",
	  "machine-qemu\\x2d1\\x2dvm.scope", "machine.slice" },
	{ "/machine.slice/machine-lxc\\x2d1234\\x2dbox.scope", "libvirt-lxc", "box", "",
	  "machine-lxc\\x2d1234\\x2dbox.scope", "machine.slice" },
	/* systemd */
	{ "/init.scope", "", "", "", "init.scope", "" },
	{ "/system.slice/ssh.service", "", "", "", "ssh.service", "system.slice" },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "", "", "", "getty@tty1.service",
	  "system-getty.slice" },
	{ "/user.slice/user-1000.slice/session-3.scope", "", "", "", "session-3.scope",
	  "user-1000.slice" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox-1.scope", "", "", "",
	  "app-firefox-1.scope", "app.slice" },
	{ "/user.slice/user-1000.slice/user@1000.service/init.scope", "", "", "", "init.scope",
	  "user-1000.slice" },
	{ "/system.slice/_cgroup.service", "", "", "", "cgroup.service", "system.slice" },
	/* like one, and none */
	{ "/docker/" RAW, "", "", "", "", "" },
	{ "/docker/3F4C1E8A9B7D60512F3E4D5C6B7A8990A1B2C3D4E5F60718293A4B5C6D7E8F90", "", "", "",
	  "", "" },
	{ "/builds/sha" ID, "", "", "", "", "" },
	{ "/.scope", "", "", "", "", "" },
	{ "/pod" UID "x", "", "", "", "", "" },
	{ "/tripod" UID, "", "", "", "", "" },
	{ "/podgghhiijj-9abc-def0-1234-56789abcdef0", "", "", "", "", "" },
	{ "/machine.slice/machine-.scope", "", "", "", "machine-.scope", "machine.slice" },
	{ "/lxc.payload.", "", "", "", "", "" },
};

Test(cgrouppath, says_what_runtimes_and_systemd_wrote_into_it)
{
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct cgroup_names n;

		cgroup_path_parse(paths[i].path, &n);
		cr_expect_str_eq(n.runtime, paths[i].runtime, "%s: %s", paths[i].path, n.runtime);
		cr_expect_str_eq(n.container, paths[i].container, "%s: %s", paths[i].path,
				 n.container);
		cr_expect_str_eq(n.pod_uid, paths[i].pod, "%s: %s", paths[i].path, n.pod_uid);
		cr_expect_str_eq(n.unit, paths[i].unit, "%s: %s", paths[i].path, n.unit);
		cr_expect_str_eq(n.slice, paths[i].slice, "%s: %s", paths[i].path, n.slice);
	}
}

Test(cgrouppath, the_group_of_the_container_is_a_beginning_of_the_path)
{
	static const struct {
		const char *path, *group;
	} t[] = {
		{ "/docker/" ID "/init", "/docker/" ID },
		{ "/lxc/100/ns/system.slice", "/lxc/100" },
		{ "/machine.slice/libpod-" ID ".scope/container",
		  "/machine.slice/libpod-" ID ".scope" },
		{ "/docker/" ID "/docker/" ID2, "/docker/" ID "/docker/" ID2 },
		{ "/libpod_parent/libpod-" ID "/libpod-conmon-" ID2, "" },
		{ "/init.scope", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct cgroup_names n;

		cgroup_path_parse(t[i].path, &n);
		cr_expect_eq(n.container_len, strlen(t[i].group), "%s", t[i].path);
		cr_expect_eq(strncmp(t[i].path, t[i].group, n.container_len), 0);
	}
}

Test(cgrouppath, a_name_that_is_too_long_is_cut)
{
	char path[1024] = "/lxc/";
	struct cgroup_names n;

	memset(path + 5, 'x', 600);
	strcat(path, "/");
	memset(path + 606, 'y', 300);
	strcat(path, ".service");
	cgroup_path_parse(path, &n);
	cr_expect_eq(strlen(n.container), CGROUP_CONTAINER_MAX - 1);
	cr_expect_eq(n.container_len, 605);
	cr_expect_eq(strlen(n.unit), CGROUP_UNIT_MAX - 1);
}

static void expect_of_proc(const char *text, const char *path)
{
	size_t n = 0;
	const char *s = cgroup_path_of_proc(text, &n);

	if (!path)
		cr_expect_null(s, "%s", text);
	else
		cr_expect(s && n == strlen(path) && memcmp(s, path, n) == 0, "%s: %.*s", text,
			  (int)n, s ? s : "");
}

Test(cgrouppath, of_the_hierarchies_the_one_that_says_most)
{
	expect_of_proc("0::/system.slice/ssh.service\n", "/system.slice/ssh.service");
	expect_of_proc("0::/\n", "/");
	expect_of_proc("0::/a:b", "/a:b");
	expect_of_proc("12:cpu,cpuacct:/docker/" ID "\n1:name=systemd:/docker/" ID
		       "\n0::/system.slice/containerd.service\n",
		       "/docker/" ID);
	expect_of_proc("4:memory:/a\n1:name=systemd:/system.slice/x.service\n0::/\n",
		       "/system.slice/x.service");
	expect_of_proc("4:memory:/jobs/1\n1:name=systemd:/\n0::/\n", "/");
	expect_of_proc("4:memory:/lxc/web\n1:name=systemd:/\n", "/lxc/web");
	expect_of_proc("1:name=systemd:/a.slice/b.scope\n0::/a.slice/b.scope\n",
		       "/a.slice/b.scope");
	expect_of_proc("0::/x/docker-" ID ".scope\n3:cpu:/docker/" ID2 "\n",
		       "/x/docker-" ID ".scope");
	expect_of_proc("", NULL);
	expect_of_proc("nothing", NULL);
	expect_of_proc("0::", NULL);
	expect_of_proc(":", NULL);
	expect_of_proc("\n\n0:/x\n", NULL);
}
