terraform import calico_node.db1 db1
