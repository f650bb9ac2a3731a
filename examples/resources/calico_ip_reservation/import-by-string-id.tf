import {
  to = calico_ip_reservation.routers
  id = "routers"
}
