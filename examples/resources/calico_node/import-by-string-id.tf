import {
  to = calico_node.db1
  id = "db1"
}
