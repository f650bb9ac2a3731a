//go:build dataplane && linux

package dataplane

// node2 is the other node: pods of it are outside.
const node2 = "db2"

// podNames are the pods that there is a place for in the network: of this host, and of
// the other node.
func podNames() (local, remote []string) {
	return []string{"shop/web", "shop/db", "ops/tool", "lab/box", "lab/bare"}, []string{"shop/far", "ops/far"}
}

// The pods, in the order of their addresses.
var podsByPlace = map[string]podObject{
	"shop/web": {
		node: node, account: "front", labels: map[string]string{"role": "web"}, addrs: []string{"192.168.7.10", "fd02::10"},
		ports: `[{"name": "http", "containerPort": 8080, "protocol": "TCP"}]`,
	},
	"shop/db": {
		node: node, account: "back", labels: map[string]string{"role": "db"}, addrs: []string{"192.168.7.11", "fd02::11"},
		ports: `[{"name": "sql", "containerPort": 5432, "protocol": "TCP"}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]`,
	},
	"ops/tool": {node: node, account: "admin", labels: map[string]string{"role": "ops"}, addrs: []string{"192.168.7.12", "fd02::12"}},
	"lab/box": {
		node: node, account: "box", labels: map[string]string{"role": "web"}, addrs: []string{"192.168.7.13", "fd02::13"},
		ports: `[{"name": "http", "containerPort": 80, "protocol": "TCP"}]`,
	},
	"lab/bare": {node: node, account: "box", addrs: []string{"192.168.7.14", "fd02::14"}},
	"shop/far": {
		node: node2, account: "front", labels: map[string]string{"role": "web"}, addrs: []string{"192.168.8.10", "fd03::10"},
		ports: `[{"name": "http", "containerPort": 443, "protocol": "TCP"}]`,
	},
	"ops/far": {node: node2, account: "admin", labels: map[string]string{"role": "ops"}, addrs: []string{"192.168.8.11", "fd03::11"}},
}

// guideWorld is what every state of the guide holds: the namespaces, the service
// accounts and the pods.
func guideWorld() []resource {
	world := []resource{
		aNamespace("shop", map[string]string{"team": "blue"}),
		aNamespace("ops", map[string]string{"team": "red"}),
		aNamespace("lab", nil),
		serviceAccount("shop/front", map[string]string{"side": "front"}),
		serviceAccount("shop/back", nil),
		serviceAccount("ops/admin", map[string]string{"side": "back"}),
		serviceAccount("lab/box", nil),
	}
	local, remote := podNames()
	for _, name := range append(local, remote...) {
		p := podsByPlace[name]
		p.phase = "Running"
		world = append(world, pod(name, p))
	}
	return world
}

// changed returns a state with these objects in place of those of their names, or beside
// the others.
func changed(state []resource, by ...resource) []resource {
	var out []resource
	replaced := map[string]bool{}
	for _, r := range by {
		replaced[r.path()] = true
	}
	// A namespace comes before what is in it.
	for _, r := range state {
		if !replaced[r.path()] {
			out = append(out, r)
			continue
		}
		for _, now := range by {
			if now.path() == r.path() {
				out = append(out, now)
				delete(replaced, r.path())
			}
		}
	}
	for _, r := range by {
		if replaced[r.path()] {
			out = append(out, r)
		}
	}
	return out
}
