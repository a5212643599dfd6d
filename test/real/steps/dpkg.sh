# What dpkg put there is what dpkg finds there.
is "$(dpkg --verify)" ''
is "$(dpkg --audit)" ''
ldconfig
