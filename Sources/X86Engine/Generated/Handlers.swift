// Made by isa-gen from the instruction table. Do not edit.

extension HandlerTable {
  /// Installs every generated handler.
  static func installAll(_ t: inout HandlerTable) {
    install0(&t)
    install1(&t)
    install2(&t)
    install3(&t)
    install4(&t)
    install5(&t)
    install6(&t)
    install7(&t)
    install8(&t)
    install9(&t)
    install10(&t)
    install11(&t)
    install12(&t)
    install13(&t)
    install14(&t)
    install15(&t)
    install16(&t)
    installThunks(&t)
  }
}
