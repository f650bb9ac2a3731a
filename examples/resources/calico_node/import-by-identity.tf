import {
  to = calico_node.db1
  identity = {
    name = "db1"
  }
}
