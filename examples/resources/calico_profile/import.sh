terraform import calico_profile.hosts hosts
