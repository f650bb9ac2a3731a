// Package verdict tells what Calico's dataplane (Felix, with iptables or
// nftables) does to a flow at a host endpoint or at a workload endpoint, and which rule
// decides it. It works on objects in memory alone.
//
// # What a verdict says
//
// A verdict is about a connection, or with a protocol that has none about the
// packets of a request: replies follow the connection, and connections that exist
// survive any change of policy, but for what doNotTrack does. A flow may stand for
// many packets (a network of peers, any port). It is Allowed only if every one of
// them is, and Denied if one of them is; Part then names some for which the cause
// holds.
//
// Where the objects do not hold the answer, the verdict is Undecided rather than
// a guess: rules with Kubernetes services that are not known (see WithServices),
// conditions on the near side's address where it is unknown, failsafe ports that cannot
// be read. What is not known leaves no doubt if the flow fares the same either way:
// failsafe ports, for one, only add to what policies allow. HTTP conditions are no
// condition to Felix at a host endpoint, and service accounts are labels that only
// workloads have.
//
// # Workloads
//
// Workload endpoints are given as objects: those that orchestrators stored in etcd, or
// what package cluster makes of pods. To a selector in a rule they are what host endpoints
// and network sets are, by their own labels and those of their profiles, which hold the
// labels of namespace and service account. An address that several objects have is chosen
// if one of them is. If there may be workloads that are not given, WithWorkloadsUnknown
// makes a doubt of it.
//
// At a workload endpoint Felix asks all policies that select it but those with preDNAT or
// doNotTrack, in their tiers, and then its profiles. Those that Calico makes of
// NetworkPolicies of Kubernetes are in tier default, with order 1000. No failsafe ports
// hold, and no tunnels' packets are let out. Connect tells of both ends of a connection
// and of what is between them.
//
// What comes before policies, or beside them, is not known here: kube-proxy, which puts an
// endpoint in the place of a service (a flow to the address of a known service is
// Undecided) and may put a node's address in the place of the source's, for node ports
// most of all; ports of the host that are mapped to a pod, and floating addresses; a
// service mesh, so that a rule with conditions on HTTP is in doubt at a workload; the
// policies of other network plugins; limits of bandwidth and of connections. Policies
// that administrators of Kubernetes write (AdminNetworkPolicy and its kin) are not read:
// see WithUnreadPolicies. A pod cannot send from another address than its own, which is
// not checked here.
//
// What Decide and Connect tell of workloads was seen with Felix v3.31.0 on the Kubernetes
// datastore, in iptables and nftables mode: pods of the same host, of another node and of
// none, the host itself and what is outside, policies of Calico and of Kubernetes, services,
// host endpoints in the way and defaultEndpointToHostAction. Not seen are tunnels between
// nodes and what they and natOutgoing do to a source's address, IPIP from a pod, workloads
// in etcd, and other releases of Felix.
//
// Twice, Felix v3.31.0 was seen not to do what the datastore says. In nftables mode, sets of
// addresses that rules need may stay empty after policies change, until Felix is started
// again. And of an EndpointSlice whose label for the service's name is changed the first
// service keeps the addresses. Objects do not tell whether that has happened: a verdict is
// about what Felix does when it has just started.
//
// # doNotTrack
//
// Policies with doNotTrack take part in another table, which each packet passes by
// itself, replies too, and where connections are unknown. A packet meets those of
// the interface's endpoint where it comes in, and those of ingress; or those of
// egress where the host itself sends it. A forwarded packet does not meet them where
// it goes out, and an endpoint for all interfaces has none. Failsafe ports come
// first, in both directions: what goes to one is let through and tracked, and so is
// what looks like a reply from one. Then
//
//   - Deny drops the packet, even one of a connection that exists;
//   - Allow lets it through past connection tracking, and no other policy of that
//     endpoint is asked, but the ones for what goes out if it is forwarded;
//   - everything else leaves it to the other policies.
//
// For a connection, request and reply count, the reply with addresses and ports
// exchanged. (The port of a peer is 32768 to 65535 if the flow does not tell it.) If
// both are left to the other policies, all is as usual. If both are allowed, it
// works, whatever the other policies say. If the reply is denied, it does not. If
// one of them alone is allowed, Linux takes packets of the other direction for
// invalid, which Felix drops:
//
//   - A request that is allowed alone fails in TCP, SCTP and ICMP.
//   - A reply that is allowed alone seems to make a connection in TCP and SCTP, but
//     no data passes. ICMP works if the other policies allow the request.
//   - With all other protocols the request counts alone: that it arrives is Allowed.
//     Verdict.Notes and Trace tell of the reply, which the other policies judge as a
//     request of its own in the other direction if it alone is tracked.
//
// In nftables mode the endpoint's policies are not asked about what the host itself
// sends and Linux takes for invalid. So a request to the host that is allowed alone
// gets its reply: in ICMP and SCTP all of them; in TCP the first, and the egress
// policies judge what the host sends next. And a reply to the host that is allowed
// alone is answered. With disableConntrackInvalidCheck all that is invalid is judged
// like anything else.
//
// Connections that are open do not survive every change of doNotTrack policies. They
// end if packets of theirs are denied by them; in iptables mode, if one direction
// alone is allowed from now on; and if both were allowed and are no longer, unless
// the other policies allow them as new ones.
//
// All of this was seen with Felix v3.28.5, v3.31.0 and v3.32.1.
//
// # What Felix does not get to
//
// Rules that Felix cannot program (see World.Unprogrammable) make all verdicts at
// their nodes Undecided, whatever the flow, and so do settings that keep Felix from
// working. An interface that interfacePrefix gives to the workloads has lost all
// traffic. One that interfaceExclude names has no host endpoint but that for all
// interfaces. Linux takes incoming UDPLite for invalid unless it is told not to look
// at checksums; what policies allow of it is Undecided.
//
// # What is left out
//
// Felix's own environment and its configuration file, which come before any
// FelixConfiguration, are not known here. Objects are taken to be valid
// (calico.Validate) and complete (calico.Default). A policy with a selector that
// does not parse is ignored, as Felix ignores it, and so is a network that does not
// parse, even where that leaves a rule that matches every address. A host endpoint has
// its expectedIPs, and no other addresses. The tunnels between hosts that Felix lets
// through by itself (IPIP, VXLAN, WireGuard) and address translation are left out too.
// Policies of equal order are sorted by the name that the given release stores; objects do
// not tell that another release stored them under another name.
package verdict
