import {
  to = calico_ip_reservation.routers
  identity = {
    name = "routers"
  }
}
